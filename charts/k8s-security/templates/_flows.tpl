{{/*
Flows: what is meant. They expand to cells, one for each pair of ends that has something open: "FROM TO" with its set of ports.
*/}}

{{/* Takes root. Returns the model: {tiers, peers, profile, cells}, after checking every value. */}}
{{- define "k8s-security.model" -}}
{{- include "k8s-security.checkRoot" . -}}
{{- $model := dict "tiers" (include "k8s-security.tiers" . | fromJson) "profile" (include "k8s-security.profile" . | fromJson) -}}
{{- $_ := set $model "peers" (include "k8s-security.peers" (dict "root" . "tiers" $model.tiers.names) | fromJson) -}}
{{- $environment := default dict .Values.environment -}}
{{- $cells := include "k8s-security.addFlows" (dict "model" $model "path" "flows" "flows" .Values.flows "cells" dict) | fromJson -}}
{{- $cells = include "k8s-security.takeFlows" (dict "model" $model "path" "environment.without" "flows" $environment.without "cells" $cells) | fromJson -}}
{{- $cells = include "k8s-security.addFlows" (dict "model" $model "path" "environment.flows" "flows" $environment.flows "cells" $cells) | fromJson -}}
{{- $_ := set $model "cells" $cells -}}
{{- toJson $model -}}
{{- end -}}

{{/* Takes root. Checks the values that stand alone. */}}
{{- define "k8s-security.checkRoot" -}}
{{- include "k8s-security.checkFields" (dict "field" "values" "value" (omit .Values "global" "enabled") "known" (list "namespace" "nameOverride" "fullnameOverride" "set" "labels" "annotations" "defaultDeny" "exclusiveNamespace" "profile" "tiers" "peers" "flows" "environment" "test")) -}}
{{- include "k8s-security.checkDNSLabel" (dict "field" "namespace" "value" (include "k8s-security.namespace" .) "what" "a namespace") -}}
{{- $fullname := include "k8s-security.fullname" . -}}
{{- if not (regexMatch `^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$` $fullname) -}}
{{- fail (printf "fullnameOverride, nameOverride: %q is no name for objects; write lower case letters, digits and hyphens, a letter or digit first and last" $fullname) -}}
{{- end -}}
{{- include "k8s-security.checkLabelValue" (dict "field" "nameOverride" "value" (include "k8s-security.name" .)) -}}
{{- include "k8s-security.checkLabelValue" (dict "field" "set" "value" (default $fullname .Values.set)) -}}
{{- include "k8s-security.checkMetadata" (dict "field" "labels" "value" .Values.labels "reserved" (list "helm.sh/chart" "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/version" "app.kubernetes.io/managed-by" "tierwall.dev/set")) -}}
{{- include "k8s-security.checkMetadata" (dict "field" "annotations" "value" .Values.annotations "keysOnly" true "reserved" (list "tierwall.dev/controls" "tierwall.dev/description")) -}}
{{- include "k8s-security.checkBool" (dict "field" "defaultDeny" "value" .Values.defaultDeny) -}}
{{- include "k8s-security.checkBool" (dict "field" "exclusiveNamespace" "value" .Values.exclusiveNamespace) -}}
{{- $environment := default dict .Values.environment -}}
{{- include "k8s-security.checkFields" (dict "field" "environment" "value" $environment "known" (list "name" "peers" "flows" "without")) -}}
{{- if $environment.name -}}
{{- include "k8s-security.checkDNSLabel" (dict "field" "environment.name" "value" $environment.name "what" "an environment") -}}
{{- end -}}
{{- include "k8s-security.checkFields" (dict "field" "test" "value" .Values.test "known" (list "image" "imagePullSecrets")) -}}
{{- include "k8s-security.checkFields" (dict "field" "test.image" "value" .Values.test.image "known" (list "repository" "tag" "digest" "pullPolicy")) -}}
{{- if not (and (kindIs "string" .Values.test.image.repository) (regexMatch `^[a-z0-9]([-a-z0-9._:/]*[a-z0-9])?$` (toString .Values.test.image.repository))) -}}
{{- fail (printf "test.image.repository: %s is no image; write it without tag, such as docker.io/library/busybox" (toJson .Values.test.image.repository)) -}}
{{- end -}}
{{- end -}}

{{/* Takes field, value, model: the ends of a flow, one or a list. Returns them: a list of names, "*" among them. */}}
{{- define "k8s-security.ends" -}}
{{- $known := concat .model.tiers.names (keys .model.peers | sortAlpha) -}}
{{- $ends := list -}}
{{- if kindIs "string" .value -}}
{{- $ends = list .value -}}
{{- else if kindIs "slice" .value -}}
{{- $ends = .value -}}
{{- end -}}
{{- if not $ends -}}
{{- fail (printf "%s: must be a tier, a peer or \"*\", or a list of these; got %s" .field (toJson .value)) -}}
{{- end -}}
{{- range $i, $end := $ends -}}
{{- if eq (toString $end) "apiserver" -}}
{{- if not (hasKey $.model.peers "apiserver") -}}
{{- fail (printf "%s: peer apiserver has no address: pod labels cannot select the API server; give its cidrs under peers" $.field) -}}
{{- end -}}
{{- end -}}
{{- if not (or (eq (toString $end) "*") (has $end $known)) -}}
{{- fail (printf "%s: %s is no known tier or peer; known are %s, and \"*\" for every tier" $.field (toJson $end) (join ", " $known)) -}}
{{- end -}}
{{- if has $end (slice $ends 0 $i) -}}
{{- fail (printf "%s: %q is given twice" $.field $end) -}}
{{- end -}}
{{- end -}}
{{- toJson $ends -}}
{{- end -}}

{{/* Takes field, flow, model. Returns the flow with its ends, checked: {from, to, ports, portsGiven, says}. */}}
{{- define "k8s-security.flow" -}}
{{- include "k8s-security.checkFields" (dict "field" .field "value" .flow "known" (list "from" "to" "ports")) -}}
{{- $from := include "k8s-security.ends" (dict "field" (printf "%s.from" .field) "value" .flow.from "model" .model) | fromJsonArray -}}
{{- $to := include "k8s-security.ends" (dict "field" (printf "%s.to" .field) "value" .flow.to "model" .model) | fromJsonArray -}}
{{- range $f := $from -}}
{{- range $t := $to -}}
{{- if and (hasKey $.model.peers $f) (hasKey $.model.peers $t) -}}
{{- fail (printf "%s: goes from a peer to a peer (%s to %s); one end must be a tier" $.field $f $t) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- include "k8s-security.checkList" (dict "field" (printf "%s.ports" .field) "value" .flow.ports) -}}
{{- if and (kindIs "slice" .flow.ports) (not .flow.ports) -}}
{{- fail (printf "%s.ports: is empty; leave it out, or give a port" .field) -}}
{{- end -}}
{{- range $i, $port := .flow.ports -}}
{{- if and (kindIs "string" $port) (regexMatch `^[a-z0-9]*[a-z][-a-z0-9]*$` (toString $port)) (ne $port "metrics") -}}
{{- fail (printf "%s.ports[%d]: %q is a port's name, which a chart cannot resolve; give its number, or \"metrics\"" $.field $i $port) -}}
{{- end -}}
{{- end -}}
{{- $ports := list -}}
{{- range $port := .flow.ports -}}{{- $ports = append $ports (toString $port) -}}{{- end -}}
{{- $says := printf "%s to %s on %s" (join "," (sortAlpha $from)) (join "," (sortAlpha $to)) (join "," (sortAlpha $ports)) -}}
{{- dict "from" $from "to" $to "ports" (default list .flow.ports) "says" $says | toJson -}}
{{- end -}}

{{/* Takes model, end. Returns the tiers and peers that an end stands for. */}}
{{- define "k8s-security.standsFor" -}}
{{- if eq .end "*" -}}{{- toJson .model.tiers.names -}}{{- else -}}{{- list .end | toJson -}}{{- end -}}
{{- end -}}

{{/* Takes field, flow, end (as the flow writes it), to (a tier or peer that it stands for), model. Returns the ports at it. */}}
{{- define "k8s-security.portsAt" -}}
{{- $tier := get .model.tiers.byName .to -}}
{{- $set := list -}}
{{- range $i, $port := .flow.ports -}}
{{- if ne (toString $port) "metrics" -}}
{{- $set = append $set (include "k8s-security.port" (dict "field" (printf "%s.ports[%d]" $.field $i) "value" $port) | fromJson) -}}
{{- else if not $tier -}}
{{- fail (printf "%s.ports[%d]: metrics are ports of tiers, and %s is a peer; give a number" $.field $i $.to) -}}
{{- else if and (not $tier.metricsPorts) (ne $.end "*") -}}
{{- fail (printf "%s.ports[%d]: tier %s has no metricsPorts; give them, or take it out of the flow" $.field $i $.to) -}}
{{- else -}}
{{- $set = concat $set $tier.metricsPorts -}}
{{- end -}}
{{- end -}}
{{- if not .flow.ports -}}
{{- if $tier -}}{{- $set = $tier.ports -}}{{- else -}}{{- $set = (get .model.peers .to).ports -}}{{- end -}}
{{- if and (not $set) (ne .end "*") -}}
{{- fail (printf "%s: %s %s has no ports; give them there or in the flow (1-65535 and 1-65535/UDP for all)" .field (ternary "tier" "peer" (not (empty $tier))) .to) -}}
{{- end -}}
{{- end -}}
{{- uniq $set | toJson -}}
{{- end -}}

{{/* Takes model, path, flows, cells. Returns the cells with what the flows open. */}}
{{- define "k8s-security.addFlows" -}}
{{- include "k8s-security.checkList" (dict "field" .path "value" .flows) -}}
{{- $cells := .cells -}}
{{- $said := dict -}}
{{- range $i, $given := .flows -}}
{{- $field := printf "%s[%d]" $.path $i -}}
{{- $flow := include "k8s-security.flow" (dict "field" $field "flow" $given "model" $.model) | fromJson -}}
{{- if hasKey $said $flow.says -}}
{{- fail (printf "%s: says the same as %s; remove one" $field (get $said $flow.says)) -}}
{{- end -}}
{{- $_ := set $said $flow.says $field -}}
{{- $opens := false -}}
{{- range $end := $flow.to -}}
{{- range $to := include "k8s-security.standsFor" (dict "model" $.model "end" $end) | fromJsonArray -}}
{{- $ports := include "k8s-security.portsAt" (dict "field" $field "flow" $flow "end" $end "to" $to "model" $.model) | fromJsonArray -}}
{{- if $ports -}}
{{- $opens = true -}}
{{- range $source := $flow.from -}}
{{- range $from := include "k8s-security.standsFor" (dict "model" $.model "end" $source) | fromJsonArray -}}
{{- include "k8s-security.checkServicePorts" (dict "model" $.model "field" $field "from" $from "to" $to) -}}
{{- $key := printf "%s %s" $from $to -}}
{{- $_ := set $cells $key (concat (default list (get $cells $key)) $ports | uniq) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if not $opens -}}
{{- fail (printf "%s: opens nothing: no tier has such ports; give the tiers theirs, or take the flow out" $field) -}}
{{- end -}}
{{- end -}}
{{- toJson $cells -}}
{{- end -}}

{{/*
Takes model, field, from, to. aws-vpc-cni looks at egress before the Service has translated, so a flow to a tier opens nothing
unless the Service's ports are known.
*/}}
{{- define "k8s-security.checkServicePorts" -}}
{{- $from := get .model.tiers.byName .from -}}
{{- $to := get .model.tiers.byName .to -}}
{{- if and (eq .model.profile.cni "aws-vpc-cni") $from $to -}}
{{- if not $to.servicePortsGiven -}}
{{- fail (printf "%s: profile.cni aws-vpc-cni needs the servicePorts of tier %s, such as [{port: 80, targetPort: 8080}]; write [] if its Services have the pods' ports" .field .to) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Takes model, path, flows, cells. Returns the cells without what the flows say, which must be something. */}}
{{- define "k8s-security.takeFlows" -}}
{{- include "k8s-security.checkList" (dict "field" .path "value" .flows) -}}
{{- $cells := .cells -}}
{{- range $i, $given := .flows -}}
{{- $field := printf "%s[%d]" $.path $i -}}
{{- $flow := include "k8s-security.flow" (dict "field" $field "flow" $given "model" $.model) | fromJson -}}
{{- $took := false -}}
{{- range $end := $flow.to -}}
{{- range $to := include "k8s-security.standsFor" (dict "model" $.model "end" $end) | fromJsonArray -}}
{{- $cut := list -}}
{{- if $flow.ports -}}
{{- $cut = include "k8s-security.portsAt" (dict "field" $field "flow" $flow "end" $end "to" $to "model" $.model) | fromJsonArray -}}
{{- else -}}
{{- range $protocol := list "TCP" "UDP" "SCTP" -}}{{- $cut = append $cut (dict "protocol" $protocol "first" 1 "last" 65535) -}}{{- end -}}
{{- end -}}
{{- range $source := $flow.from -}}
{{- range $from := include "k8s-security.standsFor" (dict "model" $.model "end" $source) | fromJsonArray -}}
{{- $key := printf "%s %s" $from $to -}}
{{- if hasKey $cells $key -}}
{{- $left := include "k8s-security.portsMinus" (dict "set" (get $cells $key) "minus" $cut) | fromJsonArray -}}
{{- if ne (toJson $left) (toJson (get $cells $key)) -}}{{- $took = true -}}{{- end -}}
{{- if $left -}}{{- $_ := set $cells $key $left -}}{{- else -}}{{- $cells = omit $cells $key -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if not $took -}}
{{- fail (printf "%s: takes nothing away: no flow goes %s; remove it, or write what the flow says" $field (trimSuffix " on " $flow.says)) -}}
{{- end -}}
{{- end -}}
{{- toJson $cells -}}
{{- end -}}
