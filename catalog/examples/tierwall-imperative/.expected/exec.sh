#!/bin/bash
kpt fn eval --image tierwall.dev/tierwall:v0.1.0 --image-pull-policy=never --fn-config networkpolicyset.yaml
