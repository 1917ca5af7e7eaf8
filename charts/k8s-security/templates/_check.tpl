{{/*
Checks of single values. Each fails with the field, what was found and what is allowed, or returns nothing. The schema says
much of it too; these hold without it, and say what no schema can.
*/}}

{{/* Takes field, value, known: a mapping with no other fields than the known. */}}
{{- define "k8s-security.checkFields" -}}
{{- if not (kindIs "map" .value) -}}
{{- fail (printf "%s: must be a mapping with %s; got %s" .field (join ", " .known) (toJson .value)) -}}
{{- end -}}
{{- range $key := keys .value | sortAlpha -}}
{{- if not (has $key $.known) -}}
{{- fail (printf "%s: %q is no field; known are %s" $.field $key (join ", " $.known)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Takes field, value: a list, or nothing. */}}
{{- define "k8s-security.checkList" -}}
{{- if not (or (kindIs "slice" .value) (kindIs "invalid" .value)) -}}
{{- fail (printf "%s: must be a list; got %s" .field (toJson .value)) -}}
{{- end -}}
{{- end -}}

{{/* Takes field, value: true or false. */}}
{{- define "k8s-security.checkBool" -}}
{{- if not (kindIs "bool" .value) -}}
{{- fail (printf "%s: must be true or false; got %s" .field (toJson .value)) -}}
{{- end -}}
{{- end -}}

{{/* Takes field, value, allowed: one of a few strings. */}}
{{- define "k8s-security.checkOneOf" -}}
{{- if not (has .value .allowed) -}}
{{- fail (printf "%s: must be one of %s; got %s" .field (join ", " .allowed) (toJson .value)) -}}
{{- end -}}
{{- end -}}

{{/* Takes field, value, what: a DNS label, such as the name of a namespace. */}}
{{- define "k8s-security.checkDNSLabel" -}}
{{- if not (and (kindIs "string" .value) (regexMatch `^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$` (toString .value))) -}}
{{- fail (printf "%s: %s is no name of %s; write at most 63 lower case letters, digits and hyphens, a letter or digit first and last" .field (toJson .value) .what) -}}
{{- end -}}
{{- end -}}

{{/* Takes field, value: the key of a label. */}}
{{- define "k8s-security.checkLabelKey" -}}
{{- $parts := splitList "/" (toString .value) -}}
{{- $ok := and (kindIs "string" .value) (le (len $parts) 2) (regexMatch `^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$` (last $parts)) -}}
{{- if and $ok (eq (len $parts) 2) -}}
{{- $ok = and (le (len (first $parts)) 253) (regexMatch `^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?([.][a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$` (first $parts)) -}}
{{- end -}}
{{- if not $ok -}}
{{- fail (printf "%s: %s is no label key; write NAME or DOMAIN/NAME, such as app.kubernetes.io/component" .field (toJson .value)) -}}
{{- end -}}
{{- end -}}

{{/* Takes field, value: the value of a label, which may be empty. */}}
{{- define "k8s-security.checkLabelValue" -}}
{{- if not (and (kindIs "string" .value) (regexMatch `^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$` (toString .value))) -}}
{{- fail (printf "%s: %s is no label value; write a string of at most 63 letters, digits, hyphens, dots and underscores, in quotes where YAML takes it for something else" .field (toJson .value)) -}}
{{- end -}}
{{- end -}}

{{/* Takes field, value, reserved, and keysOnly for annotations: metadata of the user's, none of which is the chart's own. */}}
{{- define "k8s-security.checkMetadata" -}}
{{- if not (or (kindIs "map" .value) (kindIs "invalid" .value)) -}}
{{- fail (printf "%s: must be a mapping of strings; got %s" .field (toJson .value)) -}}
{{- end -}}
{{- range $key, $value := .value -}}
{{- include "k8s-security.checkLabelKey" (dict "field" $.field "value" $key) -}}
{{- if has $key $.reserved -}}
{{- fail (printf "%s: %q is set by the chart; take it out" $.field $key) -}}
{{- end -}}
{{- if not (kindIs "string" $value) -}}
{{- fail (printf "%s[%s]: must be a string; got %s" $.field $key (toJson $value)) -}}
{{- end -}}
{{- if not $.keysOnly -}}
{{- include "k8s-security.checkLabelValue" (dict "field" (printf "%s[%s]" $.field $key) "value" $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}
