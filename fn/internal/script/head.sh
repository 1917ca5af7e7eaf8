#!/bin/sh
# Written by tierwall map -o shell (VERSION). It asks a cluster, connection by connection, whether what was proved from
# the manifests is what happens on the network, and prints a line for each. Exit code 0: all is as proved. 1: something
# is not. 2: nothing was asked.
#
# It asks from an ephemeral container in a running pod of each workload (kubectl debug). That container has the network
# of its pod, so every policy holds for it; no pod is made and no label changes, as a copy with the pod's labels would
# get the Service's traffic. It stays listed in the pod, ended, until the pod is replaced. Who runs this may get pods and
# their logs, and patch pods/ephemeralcontainers. It changes nothing else. It needs kubectl 1.31 or newer.
#
#   PROBE_IMAGE  an image with sh, nc and nslookup, busybox:1.37 where nothing is said
#   ONLY         the name of the pods that ask, all where nothing is said
#   ELSEWHERE    a namespace that the policies do not name; one of its pods tries what others may not
#   NAMESPACE    the namespace of workloads whose manifests name none, default where nothing is said
#   HOST_...     a host of the peer that listens, for peers that are a range of addresses
set -u
PROBE_IMAGE=${PROBE_IMAGE:-busybox:1.37}
ONLY=${ONLY:-}
ELSEWHERE=${ELSEWHERE:-}
NAMESPACE=${NAMESPACE:-default}
asked=0 wrong=0 unasked=0 known=''

# What the ephemeral container runs: it reaches for each "KIND HOST PORT" and prints its number and open or closed.
# nc -z is not in every busybox; there, -e true ends it as soon as it is connected.
probe='
set -f
command -v nc >/dev/null && command -v nslookup >/dev/null || { echo "its image has no nc or no nslookup"; exit; }
case $(nc -h 2>&1) in *-z*) z=yes ;; *) z= ;; esac
connect() { if [ -n "$z" ]; then nc -z -w 3 "$1" "$2"; else nc -w 3 "$1" "$2" -e true; fi; }
reach() {
  case $1 in
  udp-dns) case $(nslookup kubernetes.default 2>&1) in "" | *"timed out"* | *"no servers"*) return 1 ;; esac ;;
  tcp-dns) connect "$(sed -n "s/^nameserver //p" /etc/resolv.conf | head -n 1)" 53 ;;
  *) connect "$2" "$3" ;;
  esac
}
n=0
for question; do
  n=$((n + 1))
  (set -- $question; if reach "$@" </dev/null >/dev/null 2>&1; then echo "$n open"; else echo "$n closed"; fi) &
  [ $((n % 50)) -ne 0 ] || wait
done
wait
echo end'

# say prints a line as it is: echo would obey what stands in it.
say() { printf '%s\n' "$1"; }

environment() {
  known=''
  [ -z "$1" ] || say "$1"
}

unasked() {
  unasked=$((unasked + 1))
  say "  not asked  $1"
}

# pods NAME NAMESPACE SELECTOR finds a running pod that is not on the host network and not about to go.
pods() {
  [ -n "$2" ] || return 0
  pod=$(kubectl get pods -n "$2" -l "$3" --field-selector=status.phase=Running -o go-template='{{range .items}}{{if not (or .spec.hostNetwork .metadata.deletionTimestamp)}}{{.metadata.name}} {{.status.podIP}} {{with .spec.securityContext}}{{.runAsUser}}{{end}}
{{end}}{{end}}' </dev/null | head -n 1)
  [ -z "$pod" ] || known="$known
$1 $2 $pod"
}

# lookup NAME sets namespace, pod, address and user to those of the pod found.
lookup() {
  namespace='' pod='' address='' user=''
  while read -r n a b c d; do
    if [ "$n" = "$1" ] && [ -n "$c" ]; then namespace=$a pod=$b address=$c user=$d; fi
  done <<END
$known
END
  [ -n "$pod" ]
}

# inside COMMAND... runs a command in an ephemeral container of $pod and prints what it prints. Where the pod names no
# user, the container gets one: the profile forbids root, which most images are.
inside() {
  container=tierwall-$(date +%s)
  case $user in
  "" | *[!0-9]*)
    custom=$(mktemp) || return
    echo '{"securityContext": {"runAsUser": 65534}}' >"$custom"
    set -- "--custom=$custom" -- "$@" ;;
  *) custom='' && set -- -- "$@" ;;
  esac
  kubectl debug -q -n "$namespace" "pod/$pod" -c "$container" --image="$PROBE_IMAGE" --profile=restricted "$@" </dev/null >/dev/null
  code=$?
  [ -z "$custom" ] || rm -f "$custom"
  [ "$code" -eq 0 ] || return
  tries=0
  while :; do
    state=$(kubectl get -n "$namespace" "pod/$pod" -o "jsonpath={.status.ephemeralContainerStatuses[?(@.name=='$container')].state}" </dev/null)
    tries=$((tries + 1))
    case $state in
    *terminated*) break ;;
    *CreateContainer*Error* | *ErrImage* | *ImagePullBackOff* | *InvalidImageName*) tries=90 ;;
    esac
    [ "$tries" -lt 90 ] || { echo "container $container of pod $pod in namespace $namespace does not run: $state" >&2; return 1; }
    sleep 1
  done
  kubectl logs -n "$namespace" "pod/$pod" -c "$container" </dev/null
}

# from NAME asks what stands on standard input, a line each: open or closed, the kind, the host, the port, and
# the destination as the reader sees it.
from() {
  [ -z "$ONLY" ] || [ "$ONLY" = "$1" ] || return 0
  from=$1 questions=''
  set --
  while read -r want kind host port to; do
    case $kind in
    itself) lookup "$from" || continue; host=$address ;;
    pod) lookup "$host" || { unasked "$from -> $to: there is no running pod of $host"; continue; } ;;
    variable)
      variable=${host%%=*}
      host=$(printenv "$variable" || say "${host#*=}")
      [ -n "$host" ] || { unasked "$from -> $to: set $variable to a host of it that listens"; continue; } ;;
    esac
    [ "$kind" != pod ] || host=$address
    set -- "$@" "$kind $host $port"
    questions="$questions
$# $want $kind $to"
  done
  [ "$#" -gt 0 ] || return 0
  if ! lookup "$from"; then
    unasked "$from -> all: there is no running pod of $from"
    return 0
  fi
  answers=$(inside sh -c "$probe" sh "$@") || answers=''
  case $answers in
  *end) ;;
  *)
    unasked "$from -> all: no answer from an ephemeral container in pod $pod${answers:+: $answers}"
    return 0 ;;
  esac
  while read -r n want kind to; do
    [ -n "$n" ] || continue
    got=$(printf '%s\n' "$answers" | sed -n "s/^$n //p")
    answer
  done <<END
$questions
END
}

# answer compares $got with $want.
answer() {
  asked=$((asked + 1))
  if [ "$got" = "$want" ]; then
    say "  as proved  $from -> $to $got"
    return
  fi
  wrong=$((wrong + 1))
  case $kind in
  itself) say "  WRONG      $from -> $to: nothing listens on the pod's address, so that closed says nothing" ;;
  *) say "  WRONG      $from -> $to is $got, and was proved $want" ;;
  esac
}

report() {
  echo "$((asked - wrong)) as proved, $wrong wrong, $unasked not asked"
  [ "$asked" -gt 0 ] || exit 2
  [ "$wrong" -eq 0 ] || exit 1
}
