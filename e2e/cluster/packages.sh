#!/usr/bin/env bash
# Installs the Debian packages of the test cluster that are missing, without starting any service of theirs.
set -euo pipefail

packages=(
  # the node
  containerd runc containernetworking-plugins iptables ipset nftables iproute2
  # what runs in the containers
  postgresql-15 postgresql-client-15 redis-server redis-tools prometheus prometheus-postgres-exporter
  prometheus-redis-exporter curl libc-bin
  # for kpt, which runs the image
  podman
)

missing=()
for package in "${packages[@]}"; do
  dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
done
command -v busybox >/dev/null || missing+=(busybox) # there are two packages that have it
if [ "${#missing[@]}" -eq 0 ]; then
  exit 0
fi

# Debian's packages start their services unless this file says no.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends "${missing[@]}"
