{{- /* The labels by which a component's pods are selected. They must not change between upgrades. */ -}}
{{- define "shop.selector" -}}
app.kubernetes.io/name: {{ .component }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- /* All labels of a component: its selector, its tier and the chart that made it. */ -}}
{{- define "shop.labels" -}}
{{ include "shop.selector" . }}
app.kubernetes.io/component: {{ .component }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}
