{{/*
The tiers: what selects their pods, and their ports.
*/}}

{{/* Takes root. Returns the tiers by name, and their names in their order: {names, byName}. */}}
{{- define "k8s-security.tiers" -}}
{{- include "k8s-security.checkList" (dict "field" "tiers" "value" .Values.tiers) -}}
{{- if not .Values.tiers -}}
{{- fail "tiers: is empty; give at least one tier, with its name and labels" -}}
{{- end -}}
{{- $names := list -}}
{{- $byName := dict -}}
{{- range $i, $tier := .Values.tiers -}}
{{- $field := printf "tiers[%d]" $i -}}
{{- include "k8s-security.checkFields" (dict "field" $field "value" $tier "known" (list "name" "labels" "ports" "metricsPorts" "servicePorts")) -}}
{{- include "k8s-security.checkDNSLabel" (dict "field" (printf "%s.name" $field) "value" $tier.name "what" "a tier") -}}
{{- if has $tier.name (list "internet" "dns" "prometheus" "apiserver") -}}
{{- fail (printf "%s.name: %q is a built-in peer; give the tier another name" $field $tier.name) -}}
{{- end -}}
{{- if has $tier.name $names -}}
{{- fail (printf "%s.name: tier %q is given twice" $field $tier.name) -}}
{{- end -}}
{{- $labels := include "k8s-security.tierLabels" (dict "field" (printf "%s.labels" $field) "value" $tier.labels) | fromJson -}}
{{- range $other := $names -}}
{{- if eq "true" (include "k8s-security.meet" (dict "a" $labels "b" (get $byName $other).labels)) -}}
{{- fail (printf "%s.labels: the pods of tier %q and of tier %q cannot be told apart; add a label, the same key in both, that differs" $field $tier.name $other) -}}
{{- end -}}
{{- end -}}
{{- $built := dict "labels" $labels
  "ports" (include "k8s-security.ports" (dict "field" (printf "%s.ports" $field) "value" $tier.ports) | fromJsonArray)
  "metricsPorts" (include "k8s-security.ports" (dict "field" (printf "%s.metricsPorts" $field) "value" $tier.metricsPorts) | fromJsonArray)
  "servicePortsGiven" (kindIs "slice" $tier.servicePorts)
  "servicePorts" (include "k8s-security.servicePorts" (dict "field" (printf "%s.servicePorts" $field) "value" $tier.servicePorts) | fromJsonArray) -}}
{{- $names = append $names $tier.name -}}
{{- $_ := set $byName $tier.name $built -}}
{{- end -}}
{{- dict "names" $names "byName" $byName | toJson -}}
{{- end -}}

{{/* Takes field, value: the labels of a tier's pods. Returns them with a sorted list of values for each. */}}
{{- define "k8s-security.tierLabels" -}}
{{- if not (and (kindIs "map" .value) .value) -}}
{{- fail (printf "%s: must be the labels that the tier's pods wear, at least one; got %s" .field (toJson .value)) -}}
{{- end -}}
{{- $labels := dict -}}
{{- range $key, $value := .value -}}
{{- $field := printf "%s[%s]" $.field $key -}}
{{- include "k8s-security.checkLabelKey" (dict "field" $.field "value" $key) -}}
{{- $values := list $value -}}
{{- if kindIs "slice" $value -}}
{{- $values = $value -}}
{{- if not $values -}}
{{- fail (printf "%s: is empty; give the label's value, or a list of those that it may have" $field) -}}
{{- end -}}
{{- end -}}
{{- range $v := $values -}}
{{- include "k8s-security.checkLabelValue" (dict "field" $field "value" $v) -}}
{{- end -}}
{{- $_ := set $labels $key (uniq $values | sortAlpha) -}}
{{- end -}}
{{- toJson $labels -}}
{{- end -}}

{{/*
Takes a, b: labels of two tiers. Returns true where a pod of one is certainly one of the other too, or may well be: where the
keys of one are among the other's, and for no key the values are all different.
*/}}
{{- define "k8s-security.meet" -}}
{{- $meet := true -}}
{{- $onlyA := false -}}
{{- $onlyB := false -}}
{{- range $key, $values := .a -}}
{{- if not (hasKey $.b $key) -}}
{{- $onlyA = true -}}
{{- else -}}
{{- $shared := false -}}
{{- range $v := $values -}}{{- if has $v (get $.b $key) -}}{{- $shared = true -}}{{- end -}}{{- end -}}
{{- if not $shared -}}{{- $meet = false -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- range $key, $_ := .b -}}{{- if not (hasKey $.a $key) -}}{{- $onlyB = true -}}{{- end -}}{{- end -}}
{{- and $meet (not (and $onlyA $onlyB)) -}}
{{- end -}}

{{/* Takes field, value: the ports of the Services in front of a tier. Returns them with the ports as ranges. */}}
{{- define "k8s-security.servicePorts" -}}
{{- include "k8s-security.checkList" . -}}
{{- $out := list -}}
{{- range $i, $given := .value -}}
{{- $field := printf "%s[%d]" $.field $i -}}
{{- include "k8s-security.checkFields" (dict "field" $field "value" $given "known" (list "port" "targetPort" "protocol")) -}}
{{- $protocol := default "TCP" $given.protocol -}}
{{- include "k8s-security.checkOneOf" (dict "field" (printf "%s.protocol" $field) "value" $protocol "allowed" (list "TCP" "UDP" "SCTP")) -}}
{{- $pair := dict -}}
{{- range $name := list "port" "targetPort" -}}
{{- $at := printf "%s.%s" $field $name -}}
{{- if not (regexMatch `^[0-9]+$` (toString (get $given $name))) -}}
{{- fail (printf "%s: %s is no port's number; write one from 1 to 65535" $at (toJson (get $given $name))) -}}
{{- end -}}
{{- $_ := set $pair $name (include "k8s-security.port" (dict "field" $at "value" (printf "%v/%s" (get $given $name) $protocol)) | fromJson) -}}
{{- end -}}
{{- $out = append $out $pair -}}
{{- end -}}
{{- toJson $out -}}
{{- end -}}

{{/* Takes the labels of a tier. Returns the selector of its pods: what has one value as matchLabels, lists as matchExpressions. */}}
{{- define "k8s-security.tierSelector" -}}
{{- $single := dict -}}
{{- $several := list -}}
{{- range $key, $values := . -}}
{{- if eq (len $values) 1 -}}
{{- $_ := set $single $key (first $values) -}}
{{- else -}}
{{- $several = append $several (dict "key" $key "operator" "In" "values" $values) -}}
{{- end -}}
{{- end -}}
{{- $selector := dict -}}
{{- if $single -}}{{- $_ := set $selector "matchLabels" $single -}}{{- end -}}
{{- if $several -}}{{- $_ := set $selector "matchExpressions" $several -}}{{- end -}}
{{- toJson $selector -}}
{{- end -}}
