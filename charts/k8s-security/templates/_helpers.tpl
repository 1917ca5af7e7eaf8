{{/*
Names and labels, as charts have them.
*/}}

{{- define "k8s-security.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "k8s-security.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/*
What the policies' names begin with: nothing for the full name k8s-security, so that they are called as those of the
kustomize package; otherwise the full name, so that two releases in one namespace do not meet.
*/}}
{{- define "k8s-security.prefix" -}}
{{- $fullname := include "k8s-security.fullname" . -}}
{{- if ne $fullname "k8s-security" -}}{{ $fullname }}-{{- end -}}
{{- end -}}

{{- define "k8s-security.namespace" -}}
{{- default .Release.Namespace .Values.namespace -}}
{{- end -}}

{{- define "k8s-security.selectorLabels" -}}
app.kubernetes.io/name: {{ include "k8s-security.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "k8s-security.chartLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" | quote }}
{{ include "k8s-security.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end -}}

{{/*
The labels of every policy: the chart's, the set's that owns it, and the user's, which cannot be any of those.
*/}}
{{- define "k8s-security.labels" -}}
{{ include "k8s-security.chartLabels" . }}
tierwall.dev/set: {{ default (include "k8s-security.fullname" .) .Values.set | quote }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end -}}
{{- end -}}

{{/*
The annotations of a policy. Takes root and description, one line.
*/}}
{{- define "k8s-security.annotations" -}}
tierwall.dev/controls: CIS Kubernetes Benchmark 5.3.2; MITRE ATT&CK T1046, T1021
tierwall.dev/description: {{ .description | quote }}
{{- with .root.Values.annotations }}
{{ toYaml . }}
{{- end -}}
{{- end -}}

{{/*
The head of a policy. Takes root, name (without prefix) and description.
*/}}
{{- define "k8s-security.head" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "k8s-security.prefix" .root }}{{ .name }}
  namespace: {{ include "k8s-security.namespace" .root | quote }}
  labels:
    {{- include "k8s-security.labels" .root | nindent 4 }}
  annotations:
    {{- include "k8s-security.annotations" . | nindent 4 }}
{{- end -}}
