{{/*
Rules and policies, from the model.
*/}}

{{/* Takes model, name: a tier or peer. Returns it as the peers of a rule; none for everyone. */}}
{{- define "k8s-security.rulePeers" -}}
{{- $tier := get .model.tiers.byName .name -}}
{{- if $tier -}}
{{- list (dict "podSelector" (include "k8s-security.tierSelector" $tier.labels | fromJson)) | toJson -}}
{{- else -}}
{{- (get .model.peers .name).targets | toJson -}}
{{- end -}}
{{- end -}}

{{/* Takes model, from, to, ports. Returns the ports of the egress rule: for aws-vpc-cni with those of the Services in front. */}}
{{- define "k8s-security.egressPorts" -}}
{{- $ports := .ports -}}
{{- $to := get .model.tiers.byName .to -}}
{{- if and $to (eq .model.profile.cni "aws-vpc-cni") -}}
{{- range $pair := $to.servicePorts -}}
{{- range $range := $.ports -}}
{{- if and (eq $range.protocol $pair.targetPort.protocol) (le (int $range.first) (int $pair.targetPort.first)) (ge (int $range.last) (int $pair.targetPort.last)) -}}
{{- $ports = append $ports $pair.port -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- uniq $ports | toJson -}}
{{- end -}}

{{/*
Takes model. Returns the ports of the one policy that lets Prometheus into every pod of an exclusive namespace; none where the
tiers' are not the same, or a tier has none.
*/}}
{{- define "k8s-security.scrapePorts" -}}
{{- $first := get .model.cells (printf "prometheus %s" (first .model.tiers.names)) -}}
{{- $same := .exclusive -}}
{{- range $tier := .model.tiers.names -}}
{{- if ne (toJson (get $.model.cells (printf "prometheus %s" $tier))) (toJson $first) -}}{{- $same = false -}}{{- end -}}
{{- end -}}
{{- if and $same $first -}}{{- toJson $first -}}{{- else -}}[]{{- end -}}
{{- end -}}

{{/* Takes model, tier, scrape. Returns the ingress rules of a tier, as a policy has them. */}}
{{- define "k8s-security.ingress" -}}
{{- range $from := concat .model.tiers.names (keys .model.peers | sortAlpha) -}}
{{- $ports := get $.model.cells (printf "%s %s" $from $.tier) -}}
{{- if and $ports (not (and $.scrape (eq $from "prometheus"))) }}
{{- $peer := get $.model.peers $from }}
{{- if and $peer $peer.any }}
- ports:
{{- else }}
- from:
  {{- include "k8s-security.rulePeers" (dict "model" $.model "name" $from) | fromJsonArray | toYaml | nindent 2 }}
  ports:
{{- end }}
  {{- include "k8s-security.portList" $ports | trim | nindent 2 }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Takes model, tier. Returns the egress rules of a tier, as a policy has them. */}}
{{- define "k8s-security.egress" -}}
{{- range $to := concat .model.tiers.names (keys .model.peers | sortAlpha) -}}
{{- $ports := get $.model.cells (printf "%s %s" $.tier $to) -}}
{{- if $ports }}
- to:
  {{- include "k8s-security.rulePeers" (dict "model" $.model "name" $to) | fromJsonArray | toYaml | nindent 2 }}
  ports:
  {{- include "k8s-security.portList" (include "k8s-security.egressPorts" (dict "model" $.model "from" $.tier "to" $to "ports" $ports) | fromJsonArray) | trim | nindent 2 }}
{{- end -}}
{{- end -}}
{{- end -}}
