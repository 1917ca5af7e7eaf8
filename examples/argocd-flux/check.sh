#!/usr/bin/env bash
# The gate for a pull request: the committed policies are what a render gives, and every environment really contains
# them once it is built. Usage: check.sh PACKAGE, such as check.sh kustomize
set -euo pipefail

package=${1:?usage: check.sh PACKAGE}

tierwall render "$package" --check

overlays=0
for overlay in "$package"/overlays/*/; do
  overlays=$((overlays + 1))
  built=$(kubectl kustomize "$overlay")
  # A policy file that no `resources:` entry names builds without a word, and without the policy.
  policies=$(grep -c '^kind: NetworkPolicy$' <<<"$built" || true)
  denies=$(grep -c '^  name: default-deny-all$' <<<"$built" || true)
  echo "${overlay}: ${policies} policies"
  if [ "$denies" -eq 0 ]; then
    echo "${overlay}: no default-deny-all is built; run: tierwall render $package" >&2
    exit 1
  fi
done
if [ "$overlays" -eq 0 ]; then
  echo "$package has no overlays: nothing was checked" >&2
  exit 1
fi
