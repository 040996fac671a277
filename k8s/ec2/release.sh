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
cat >"$releases/next.yaml"

apply() {
  # A Job cannot be changed: the last release's must be gone.
  kube delete job training-starter --ignore-not-found --wait
  kube apply --filename "$1"
}

rolled_out() {
  local workload
  for workload in $(kube get deployments,statefulsets --output name); do
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

if apply "$releases/next.yaml" && rolled_out && works; then
  mv "$releases/next.yaml" "$releases/current.yaml"
  echo "released"
  exit 0
fi
kube get pods --output wide >&2 || true
if [ -f "$releases/current.yaml" ]; then
  echo "the release does not work: going back to the last one" >&2
  apply "$releases/current.yaml" && rolled_out && echo "went back" >&2
else
  echo "the release does not work, and there is no earlier one to go back to" >&2
fi
exit 1
