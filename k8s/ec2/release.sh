#!/usr/bin/env bash
# Brings a release to the machine and takes it back when it does not work. Run on the machine by deploy.sh; the rendered
# objects come on standard input. DOMAIN is asked from outside at the end, as a client would.
set -euo pipefail
: "${DOMAIN:?expected the name under which the gateway is reached}"
KUBECTL=${KUBECTL:-k3s kubectl}
SECONDS_TO_ROLL=${SECONDS_TO_ROLL:-600}
kube() { $KUBECTL --namespace vigie "$@"; }
releases=${RELEASES:-/opt/vigie/releases}
mkdir -p "$releases"
cd "$releases"
[ ! -f next.yaml ] || cat next.yaml >>unfinished.yaml # a release that failed or was cut off
cat >next.yaml

# What a component brought and the next release does not name. Never what holds data (claims, Secrets, Redis), nor
# ConfigMaps: a training that runs for hours reads its own again when it restarts.
AUTOSCALERS='HorizontalPodAutoscaler|ScaledObject' # two of them for one Deployment fight, and KEDA refuses it
OTHERS='CronJob|Deployment|Ingress|NetworkPolicy|PodDisruptionBudget|Service|ServiceAccount'

objects() { # KINDS FILE…: kind/name of each, one a line
  cat -- "${@:2}" 2>/dev/null | awk -v kinds="^($1)\$" '
    /^kind: / { kind = $2 }
    /^[a-z]/ { inside = $1 == "metadata:" }
    inside && /^  name: / && kind ~ kinds { print kind "/" $2 }' | sort -u
}

delete_what_is_left() { # KINDS NEW OLD…: what the old ones have and the new one has not
  local object
  for object in $(comm -23 <(objects "$1" "${@:3}") <(objects "$1" "$2")); do
    kube delete "$object" --ignore-not-found --wait || echo "could not delete $object" >&2
  done
}

apply() {
  # A Job cannot be changed: the last release's must be gone.
  kube delete job training-starter --ignore-not-found --wait
  kube apply --filename "$1"
}

rolled_out() {
  local workload
  for workload in $(objects 'Deployment|StatefulSet' "$1"); do
    kube rollout status "$workload" --timeout "${SECONDS_TO_ROLL}s" || return 1
  done
}

works() {
  local try
  for try in 1 2 3 4 5 6; do
    curl --fail --silent --show-error --max-time 10 "https://$DOMAIN/readyz" && return
    echo "try $try of 6: https://$DOMAIN/readyz does not answer" >&2
    sleep "${PAUSE:-10}"
  done
  return 1
}

delete_what_is_left "$AUTOSCALERS" next.yaml current.yaml unfinished.yaml
if apply next.yaml && rolled_out next.yaml && works; then
  delete_what_is_left "$OTHERS" next.yaml current.yaml unfinished.yaml
  mv next.yaml current.yaml
  rm -f unfinished.yaml
  echo "released"
  exit 0
fi
kube get pods --output wide >&2 || true
if [ -f current.yaml ]; then
  echo "the release does not work: going back to the last one" >&2
  delete_what_is_left "$AUTOSCALERS|$OTHERS" current.yaml next.yaml unfinished.yaml
  apply current.yaml && rolled_out current.yaml && echo "went back" >&2
else
  echo "the release does not work, and there is no earlier one to go back to" >&2
fi
exit 1
