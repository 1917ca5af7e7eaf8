{{/*
Ports. A range is {protocol, first, last}, both inclusive; a set is a list of ranges, as JSON.
*/}}

{{/* Takes field, value: one port or range of ports, by number. Returns the range. */}}
{{- define "k8s-security.port" -}}
{{- $forms := "write a number from 1 to 65535, or a range as 8000-8010, either with /TCP, /UDP or /SCTP behind it" -}}
{{- $text := toString .value -}}
{{- if not (regexMatch `^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?(/(TCP|UDP|SCTP))?$` $text) -}}
{{- fail (printf "%s: %s is no port; %s" .field (toJson .value) $forms) -}}
{{- end -}}
{{- $parts := splitList "/" $text -}}
{{- $numbers := splitList "-" (first $parts) -}}
{{- $first := int (first $numbers) -}}
{{- $last := int (last $numbers) -}}
{{- if gt $last 65535 -}}
{{- fail (printf "%s: %s is no port; %s" .field (toJson .value) $forms) -}}
{{- end -}}
{{- if gt $first $last -}}
{{- fail (printf "%s: %s is no range of ports: it ends before it begins" .field (toJson .value)) -}}
{{- end -}}
{{- $protocol := "TCP" -}}
{{- if eq (len $parts) 2 -}}{{- $protocol = last $parts -}}{{- end -}}
{{- dict "protocol" $protocol "first" $first "last" $last | toJson -}}
{{- end -}}

{{/* Takes field, value: a list of ports by number, or nothing. Returns the set. */}}
{{- define "k8s-security.ports" -}}
{{- include "k8s-security.checkList" . -}}
{{- $set := list -}}
{{- range $i, $port := .value -}}
{{- $range := include "k8s-security.port" (dict "field" (printf "%s[%d]" $.field $i) "value" $port) | fromJson -}}
{{- if has $range $set -}}
{{- fail (printf "%s[%d]: %s is given twice" $.field $i (toJson $port)) -}}
{{- end -}}
{{- $set = append $set $range -}}
{{- end -}}
{{- toJson $set -}}
{{- end -}}

{{/* Takes set, minus: two sets. Returns what is left of the first. */}}
{{- define "k8s-security.portsMinus" -}}
{{- $left := .set -}}
{{- range $cut := .minus -}}
{{- $next := list -}}
{{- range $range := $left -}}
{{- if or (ne $range.protocol $cut.protocol) (lt (int $range.last) (int $cut.first)) (gt (int $range.first) (int $cut.last)) -}}
{{- $next = append $next $range -}}
{{- else -}}
{{- if lt (int $range.first) (int $cut.first) -}}
{{- $next = append $next (dict "protocol" $range.protocol "first" $range.first "last" (sub (int $cut.first) 1)) -}}
{{- end -}}
{{- if gt (int $range.last) (int $cut.last) -}}
{{- $next = append $next (dict "protocol" $range.protocol "first" (add (int $cut.last) 1) "last" $range.last) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $left = $next -}}
{{- end -}}
{{- toJson $left -}}
{{- end -}}

{{/* Takes a set. Returns it as a policy has it. */}}
{{- define "k8s-security.portList" -}}
{{- range $range := . }}
- protocol: {{ $range.protocol }}
  port: {{ int $range.first }}
  {{- if ne (int $range.first) (int $range.last) }}
  endPort: {{ int $range.last }}
  {{- end }}
{{- end -}}
{{- end -}}
