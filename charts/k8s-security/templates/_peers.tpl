{{/*
The peers: endpoints outside the tiers. A peer is {any, targets, ports}: any is true for a source that is everyone; targets
are the peers of a rule; ports are those of a flow to it that names none.
*/}}

{{/* Takes root, tiers (their names). Returns the peers by name: the built-in ones, overridden by peers, then by environment.peers. */}}
{{- define "k8s-security.peers" -}}
{{- $profile := include "k8s-security.profile" .root | fromJson -}}
{{- $peers := dict
  "internet" (include "k8s-security.internetPeer" $profile | fromJson)
  "dns" (include "k8s-security.dnsPeer" $profile | fromJson)
  "prometheus" (dict "any" false "targets" (list (include "k8s-security.namespaceTarget" (dict "namespace" "monitoring") | fromJson)) "ports" list) -}}
{{- $lists := dict "peers" .root.Values.peers "environment.peers" (default dict .root.Values.environment).peers -}}
{{- range $path := list "peers" "environment.peers" -}}
{{- $given := get $lists $path -}}
{{- include "k8s-security.checkList" (dict "field" $path "value" $given) -}}
{{- $seen := list -}}
{{- range $i, $spec := $given -}}
{{- $field := printf "%s[%d]" $path $i -}}
{{- $peer := include "k8s-security.peer" (dict "field" $field "spec" $spec "dns" (get $peers "dns")) | fromJson -}}
{{- if has $spec.name $.tiers -}}
{{- fail (printf "%s.name: %q is a tier; give the peer another name" $field $spec.name) -}}
{{- end -}}
{{- if has $spec.name $seen -}}
{{- fail (printf "%s.name: peer %q is given twice" $field $spec.name) -}}
{{- end -}}
{{- $seen = append $seen $spec.name -}}
{{- $_ := set $peers $spec.name $peer -}}
{{- end -}}
{{- end -}}
{{- toJson $peers -}}
{{- end -}}

{{/* Takes root. Returns the profile, checked and with its defaults. */}}
{{- define "k8s-security.profile" -}}
{{- $profile := default dict .Values.profile -}}
{{- include "k8s-security.checkFields" (dict "field" "profile" "value" $profile "known" (list "cni" "dns" "podCIDRs" "serviceCIDRs")) -}}
{{- $cni := default "generic" $profile.cni -}}
{{- include "k8s-security.checkOneOf" (dict "field" "profile.cni" "value" $cni "allowed" (list "generic" "calico" "cilium" "aws-vpc-cni")) -}}
{{- $dns := default "coredns" $profile.dns -}}
{{- include "k8s-security.checkOneOf" (dict "field" "profile.dns" "value" $dns "allowed" (list "coredns" "openshift" "nodelocal" "gke-cloud-dns")) -}}
{{- range $name := list "podCIDRs" "serviceCIDRs" -}}
{{- include "k8s-security.checkCIDRs" (dict "field" (printf "profile.%s" $name) "value" (get $profile $name)) -}}
{{- range $i, $cidr := get $profile $name -}}
{{- if hasSuffix "/0" $cidr -}}
{{- fail (printf "profile.%s[%d]: %q leaves nothing of the internet; write the cluster's own range" $name $i $cidr) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- dict "cni" $cni "dns" $dns "clusterCIDRs" (concat (default list $profile.podCIDRs) (default list $profile.serviceCIDRs)) | toJson -}}
{{- end -}}

{{/*
Takes the profile. As a source the internet is everyone, since a load balancer may hide the client behind a node's address; as a
destination it is all addresses but private, shared (RFC 6598), link-local (where clouds serve machine metadata), unique local
ones and the cluster's.
*/}}
{{- define "k8s-security.internetPeer" -}}
{{- $except := concat (list "10.0.0.0/8" "100.64.0.0/10" "169.254.0.0/16" "172.16.0.0/12" "192.168.0.0/16" "fc00::/7" "fe80::/10") (default list .clusterCIDRs) -}}
{{- $targets := list -}}
{{- range $cidr := list "0.0.0.0/0" "::/0" -}}
{{- $targets = append $targets (include "k8s-security.ipBlock" (dict "cidr" $cidr "except" $except) | fromJson) -}}
{{- end -}}
{{- dict "any" true "targets" $targets "ports" list | toJson -}}
{{- end -}}

{{/* Takes the profile. DNS answers by UDP and, for long answers, by TCP. */}}
{{- define "k8s-security.dnsPeer" -}}
{{- $coredns := include "k8s-security.namespaceTarget" (dict "namespace" "kube-system"
  "pods" (list (dict "key" "k8s-app" "operator" "In" "values" (list "kube-dns")))) | fromJson -}}
{{- $targets := list $coredns -}}
{{- $port := 53 -}}
{{- if eq .dns "openshift" -}}
{{- $targets = list (include "k8s-security.namespaceTarget" (dict "namespace" "openshift-dns"
  "pods" (list (dict "key" "dns.operator.openshift.io/daemonset-dns" "operator" "In" "values" (list "default")))) | fromJson) -}}
{{- $port = 5353 -}}
{{- else if eq .dns "nodelocal" -}}
{{- $targets = list (dict "ipBlock" (dict "cidr" "169.254.20.10/32")) $coredns -}}
{{- else if eq .dns "gke-cloud-dns" -}}
{{- $targets = list (dict "ipBlock" (dict "cidr" "169.254.169.254/32")) -}}
{{- end -}}
{{- dict "any" false "targets" $targets "ports" (list (dict "protocol" "TCP" "first" $port "last" $port) (dict "protocol" "UDP" "first" $port "last" $port)) | toJson -}}
{{- end -}}

{{/*
Takes namespace, pods (matchExpressions; none means all pods). The namespace's name is the one label that Kubernetes
guarantees. Expressions, since tools that add labels to selectors rewrite matchLabels.
*/}}
{{- define "k8s-security.namespaceTarget" -}}
{{- $target := dict "namespaceSelector" (dict "matchExpressions" (list (dict "key" "kubernetes.io/metadata.name" "operator" "In" "values" (list .namespace)))) -}}
{{- if .pods -}}{{- $_ := set $target "podSelector" (dict "matchExpressions" .pods) -}}{{- end -}}
{{- toJson $target -}}
{{- end -}}

{{/* Takes field, spec, dns (the peer as it is so far). Returns a peer that the user gives. */}}
{{- define "k8s-security.peer" -}}
{{- include "k8s-security.checkFields" (dict "field" .field "value" .spec "known" (list "name" "namespace" "podSelector" "cidrs" "except" "ports")) -}}
{{- include "k8s-security.checkDNSLabel" (dict "field" (printf "%s.name" .field) "value" .spec.name "what" "a peer") -}}
{{- if and (kindIs "invalid" .spec.namespace) (kindIs "invalid" .spec.cidrs) -}}
{{- fail (printf "%s: peer %q must have cidrs, or a namespace" .field .spec.name) -}}
{{- end -}}
{{- $targets := include "k8s-security.cidrTargets" . | fromJsonArray -}}
{{- if not (kindIs "invalid" .spec.namespace) -}}
{{- include "k8s-security.checkDNSLabel" (dict "field" (printf "%s.namespace" .field) "value" .spec.namespace "what" "a namespace") -}}
{{- $pods := include "k8s-security.expressions" (dict "field" (printf "%s.podSelector" .field) "value" .spec.podSelector) | fromJsonArray -}}
{{- $targets = append $targets (include "k8s-security.namespaceTarget" (dict "namespace" .spec.namespace "pods" $pods) | fromJson) -}}
{{- else if not (kindIs "invalid" .spec.podSelector) -}}
{{- fail (printf "%s.podSelector: needs the namespace of the pods" .field) -}}
{{- end -}}
{{- $ports := include "k8s-security.ports" (dict "field" (printf "%s.ports" .field) "value" .spec.ports) | fromJsonArray -}}
{{- if and (kindIs "slice" .spec.ports) (not $ports) -}}
{{- fail (printf "%s.ports: is empty; leave it out, or give a port" .field) -}}
{{- end -}}
{{- if not $ports -}}
{{- if eq .spec.name "dns" -}}{{- $ports = .dns.ports -}}{{- end -}}
{{- if eq .spec.name "apiserver" -}}{{- $ports = list (dict "protocol" "TCP" "first" 443 "last" 443) (dict "protocol" "TCP" "first" 6443 "last" 6443) -}}{{- end -}}
{{- end -}}
{{- dict "any" false "targets" $targets "ports" $ports "namespace" (default "" .spec.namespace) | toJson -}}
{{- end -}}

{{/*
Takes field, spec: a peer. Returns the targets of its cidrs. "Except values will be rejected if they are outside the cidr range"
(networking/v1, IPBlock); one that takes a whole block would leave it open, if it only stood with another block.
*/}}
{{- define "k8s-security.cidrTargets" -}}
{{- $targets := list -}}
{{- $cidrs := .spec.cidrs -}}
{{- $except := .spec.except -}}
{{- include "k8s-security.checkCIDRs" (dict "field" (printf "%s.cidrs" .field) "value" $cidrs) -}}
{{- include "k8s-security.checkCIDRs" (dict "field" (printf "%s.except" .field) "value" $except) -}}
{{- if and (kindIs "slice" $cidrs) (not $cidrs) -}}
{{- fail (printf "%s.cidrs: is empty; give a CIDR, or a namespace instead" .field) -}}
{{- end -}}
{{- range $i, $e := $except -}}
{{- $inner := include "k8s-security.cidrBits" (dict "field" "" "value" $e) -}}
{{- $inside := false -}}
{{- range $cidr := $cidrs -}}
{{- $outer := include "k8s-security.cidrBits" (dict "field" "" "value" $cidr) -}}
{{- if hasPrefix $inner $outer -}}
{{- fail (printf "%s.except[%d]: %q leaves nothing of %q, which is one of the cidrs; leave out both, or narrow the exception" $.field $i $e $cidr) -}}
{{- end -}}
{{- if hasPrefix $outer $inner -}}{{- $inside = true -}}{{- end -}}
{{- end -}}
{{- if not $inside -}}
{{- fail (printf "%s.except[%d]: %q is outside the cidrs" $.field $i $e) -}}
{{- end -}}
{{- end -}}
{{- range $cidr := $cidrs -}}
{{- $targets = append $targets (include "k8s-security.ipBlock" (dict "cidr" $cidr "except" $except) | fromJson) -}}
{{- end -}}
{{- toJson $targets -}}
{{- end -}}

{{/* Takes field, value: a LabelSelector, or nothing. Returns it as matchExpressions, sorted by key; none for all pods. */}}
{{- define "k8s-security.expressions" -}}
{{- $out := list -}}
{{- if not (kindIs "invalid" .value) -}}
{{- include "k8s-security.checkFields" (dict "field" .field "value" .value "known" (list "matchLabels" "matchExpressions")) -}}
{{- range $name, $part := .value -}}
{{- if not $part -}}
{{- fail (printf "%s.%s: is empty; leave it out: an empty podSelector means every pod of the namespace" $.field $name) -}}
{{- end -}}
{{- end -}}
{{- if not (or (kindIs "map" .value.matchLabels) (kindIs "invalid" .value.matchLabels)) -}}
{{- fail (printf "%s.matchLabels: must be a mapping of labels; got %s" .field (toJson .value.matchLabels)) -}}
{{- end -}}
{{- range $key, $value := .value.matchLabels -}}
{{- include "k8s-security.checkLabelKey" (dict "field" (printf "%s.matchLabels" $.field) "value" $key) -}}
{{- include "k8s-security.checkLabelValue" (dict "field" (printf "%s.matchLabels[%s]" $.field $key) "value" $value) -}}
{{- $out = append $out (dict "key" $key "operator" "In" "values" (list $value)) -}}
{{- end -}}
{{- include "k8s-security.checkList" (dict "field" (printf "%s.matchExpressions" .field) "value" .value.matchExpressions) -}}
{{- range $i, $e := .value.matchExpressions -}}
{{- $field := printf "%s.matchExpressions[%d]" $.field $i -}}
{{- include "k8s-security.checkFields" (dict "field" $field "value" $e "known" (list "key" "operator" "values")) -}}
{{- include "k8s-security.checkLabelKey" (dict "field" (printf "%s.key" $field) "value" $e.key) -}}
{{- include "k8s-security.checkOneOf" (dict "field" (printf "%s.operator" $field) "value" $e.operator "allowed" (list "In" "NotIn" "Exists" "DoesNotExist")) -}}
{{- include "k8s-security.checkList" (dict "field" (printf "%s.values" $field) "value" $e.values) -}}
{{- if and (has $e.operator (list "In" "NotIn")) (not $e.values) -}}
{{- fail (printf "%s.values: is missing; operator %s needs values" $field $e.operator) -}}
{{- end -}}
{{- if and (has $e.operator (list "Exists" "DoesNotExist")) $e.values -}}
{{- fail (printf "%s.values: must be left out; operator %s takes no values" $field $e.operator) -}}
{{- end -}}
{{- range $j, $v := $e.values -}}
{{- include "k8s-security.checkLabelValue" (dict "field" (printf "%s.values[%d]" $field $j) "value" $v) -}}
{{- end -}}
{{- $built := dict "key" $e.key "operator" $e.operator -}}
{{- if $e.values -}}{{- $_ := set $built "values" (sortAlpha $e.values) -}}{{- end -}}
{{- $out = append $out $built -}}
{{- end -}}
{{- end -}}
{{- $keyed := dict -}}
{{- range $e := $out -}}{{- $_ := set $keyed (printf "%s %s" $e.key (toJson $e)) $e -}}{{- end -}}
{{- $sorted := list -}}
{{- range $key := keys $keyed | sortAlpha -}}{{- $sorted = append $sorted (get $keyed $key) -}}{{- end -}}
{{- toJson $sorted -}}
{{- end -}}
