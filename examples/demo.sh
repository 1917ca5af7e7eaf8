#!/usr/bin/env bash
# Renders a package of a base and overlays, and shows which policies each environment gets, read from the files that it
# wrote. Usage: demo.sh TIERWALL PACKAGE
set -euo pipefail

tierwall=$1
package=$2

# rules prints POLICY, what it selects, and how many rules it has for each direction.
rules() {
  awk '
    function flush() { if (name != "") printf "%s\t%d in, %d out\n", name, ingress, egress }
    /^kind: NetworkPolicy$/ { flush(); name = ""; ingress = egress = 0; list = "" }
    /^  name: / && name == "" { name = $2 }
    /^  [a-zA-Z]+:/ { list = $1 }
    /^  - / && list == "ingress:" { ingress++ }
    /^  - / && list == "egress:" { egress++ }
    END { flush() }
  ' "$1"
}

echo "\$ tierwall render $package"
"$tierwall" render "$package"

overlays=()
for dir in "$package"/overlays/*/; do
  overlays+=("$(basename "$dir")")
done

echo
printf '%-34s' "policy"
printf '%-10s' "${overlays[@]}"
printf '%s\n' "rules"
for file in "$package/base/network-policies.yaml" "$package"/overlays/*/network-policies.yaml; do
  while IFS=$'\t' read -r policy rules; do
    printf '%-34s' "$policy"
    for overlay in "${overlays[@]}"; do
      mark=-
      for own in "$package/base/network-policies.yaml" "$package/overlays/$overlay/network-policies.yaml"; do
        if [ -f "$own" ] && rules "$own" | cut -f 1 | grep -qxF "$policy"; then mark=yes; fi
      done
      printf '%-10s' "$mark"
    done
    printf '%s\n' "$rules"
  done < <(rules "$file")
done

echo
echo "The policies are in:"
ls "$package/base/network-policies.yaml" "$package"/overlays/*/network-policies.yaml
echo "Apply an environment with: kubectl apply -k $package/overlays/${overlays[0]}"
