{{/*
Address ranges. Templates have no functions for addresses, so ranges are compared by their bits, as text.
*/}}

{{/*
Takes field, value: a CIDR in canonical form, for engines read others in different ways. Returns its family, 4 or 6, and the
bits of its prefix: "4 00001010" for 10.0.0.0/8. One range covers another if this text begins the other's.
*/}}
{{- define "k8s-security.cidrBits" -}}
{{- $text := toString .value -}}
{{- $none := printf "%s: %s is no CIDR; write an address and a prefix length, such as 203.0.113.0/24 or 2001:db8::/32" .field (toJson .value) -}}
{{- $parts := splitList "/" $text -}}
{{- if not (and (kindIs "string" .value) (eq (len $parts) 2)) -}}{{- fail $none -}}{{- end -}}
{{- $address := first $parts -}}
{{- if not (regexMatch `^(0|[1-9][0-9]{0,2})$` (last $parts)) -}}{{- fail $none -}}{{- end -}}
{{- $length := int (last $parts) -}}
{{- $family := "4" -}}
{{- $bits := "" -}}
{{- if regexMatch `^((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])$` $address -}}
{{- range $octet := splitList "." $address -}}
{{- $bits = printf "%s%08b" $bits (int $octet) -}}
{{- end -}}
{{- else -}}
{{- $family = "6" -}}
{{- $bits = include "k8s-security.addressBits6" (dict "none" $none "address" $address) -}}
{{- if hasPrefix (printf "%s%s" (repeat 80 "0") (repeat 16 "1")) $bits -}}
{{- fail (printf "%s: %s is an IPv4 address written as IPv6, which API servers refuse; write it as IPv4" .field (toJson .value)) -}}
{{- end -}}
{{- end -}}
{{- if gt $length (len $bits) -}}{{- fail $none -}}{{- end -}}
{{- if regexMatch "1" (substr $length (len $bits) $bits) -}}
{{- fail (printf "%s: %s has bits set beyond its prefix length; write the first address of the range" .field (toJson .value)) -}}
{{- end -}}
{{- printf "%s %s" $family (substr 0 $length $bits) -}}
{{- end -}}

{{/* Takes none (the message that it is no address), address: an IPv6 address in canonical form. Returns its 128 bits. */}}
{{- define "k8s-security.addressBits6" -}}
{{- if not (regexMatch `^[0-9a-f:]+$` .address) -}}{{- fail .none -}}{{- end -}}
{{- $halves := splitList "::" .address -}}
{{- if gt (len $halves) 2 -}}{{- fail .none -}}{{- end -}}
{{- $left := list -}}
{{- if first $halves -}}{{- $left = splitList ":" (first $halves) -}}{{- end -}}
{{- $right := list -}}
{{- if and (eq (len $halves) 2) (last $halves) -}}{{- $right = splitList ":" (last $halves) -}}{{- end -}}
{{- $zeros := int (sub (sub 8 (len $left)) (len $right)) -}}
{{- if or (lt $zeros 0) (and (eq (len $halves) 1) (ne $zeros 0)) -}}{{- fail .none -}}{{- end -}}
{{- range $i := until $zeros -}}{{- $left = append $left "0" -}}{{- end -}}
{{- $groups := concat $left $right -}}
{{- range $group := $groups -}}
{{- if not (regexMatch `^(0|[1-9a-f][0-9a-f]{0,3})$` $group) -}}{{- fail $.none -}}{{- end -}}
{{- end -}}
{{- $canonical := include "k8s-security.canonical6" $groups -}}
{{- if ne $canonical .address -}}{{- fail (printf "%s (the address in canonical form is %s)" .none $canonical) -}}{{- end -}}
{{- $digits := dict "0" "0000" "1" "0001" "2" "0010" "3" "0011" "4" "0100" "5" "0101" "6" "0110" "7" "0111" "8" "1000" "9" "1001" "a" "1010" "b" "1011" "c" "1100" "d" "1101" "e" "1110" "f" "1111" -}}
{{- range $group := $groups -}}
{{- range $digit := splitList "" (printf "%s%s" (repeat (int (sub 4 (len $group))) "0") $group) -}}
{{- get $digits $digit -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Takes eight groups without leading zeros. Returns the address with its longest run of zeros as "::" (RFC 5952, 4.2). */}}
{{- define "k8s-security.canonical6" -}}
{{- $text := printf ":%s:" (join ":" .) -}}
{{- range $run := list 8 7 6 5 4 3 2 -}}
{{- $zeros := printf ":%s" (repeat $run "0:") -}}
{{- if and (not (contains "::" $text)) (contains $zeros $text) -}}
{{- $parts := splitn $zeros 2 $text -}}
{{- $text = printf "%s::%s" $parts._0 $parts._1 -}}
{{- end -}}
{{- end -}}
{{- if not (hasPrefix "::" $text) -}}{{- $text = trimPrefix ":" $text -}}{{- end -}}
{{- if not (hasSuffix "::" $text) -}}{{- $text = trimSuffix ":" $text -}}{{- end -}}
{{- $text -}}
{{- end -}}

{{/* Takes field, value: a list of CIDRs, or nothing. Fails where one is none, or is given twice. */}}
{{- define "k8s-security.checkCIDRs" -}}
{{- include "k8s-security.checkList" . -}}
{{- $seen := list -}}
{{- range $i, $cidr := .value -}}
{{- $bits := include "k8s-security.cidrBits" (dict "field" (printf "%s[%d]" $.field $i) "value" $cidr) -}}
{{- if has $bits $seen -}}
{{- fail (printf "%s[%d]: %s is given twice" $.field $i (toJson $cidr)) -}}
{{- end -}}
{{- $seen = append $seen $bits -}}
{{- end -}}
{{- end -}}

{{/*
Takes cidr, except: checked CIDRs. Returns the block as a policy's peer has it, with those of the exceptions that lie strictly
within it, sorted, less those that another covers.
*/}}
{{- define "k8s-security.ipBlock" -}}
{{- $outer := include "k8s-security.cidrBits" (dict "field" "" "value" .cidr) -}}
{{- $sorted := list -}}
{{- range $e := .except -}}
{{- $sorted = append $sorted (printf "%s!%s" (include "k8s-security.cidrBits" (dict "field" "" "value" $e)) $e) -}}
{{- end -}}
{{- $kept := list -}}
{{- $covered := "-" -}}
{{- range $line := sortAlpha $sorted -}}
{{- $bits := first (splitList "!" $line) -}}
{{- if and (hasPrefix $outer $bits) (ne $outer $bits) (not (hasPrefix $covered $bits)) -}}
{{- $kept = append $kept (last (splitList "!" $line)) -}}
{{- $covered = $bits -}}
{{- end -}}
{{- end -}}
{{- $block := dict "cidr" .cidr -}}
{{- if $kept -}}{{- $_ := set $block "except" $kept -}}{{- end -}}
{{- dict "ipBlock" $block | toJson -}}
{{- end -}}
