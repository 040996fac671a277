#!/usr/bin/env bash
# Run by an operator on the machine: stops Vigie, puts a folder that backup.sh wrote back, and starts Vigie again.
#
#   sudo /opt/vigie/restore-on-machine.sh FOLDER
#
# Whatever happens, the services are started again: after a backup that is refused, on what they had.
set -euo pipefail
FOLDER=${1:?expected the folder that backup.sh wrote}
export KUBECONFIG=${KUBECONFIG:-/etc/rancher/k3s/k3s.yaml} KUBECTL=${KUBECTL:-k3s kubectl}
kube() { $KUBECTL --namespace vigie "$@"; }
secret() { kube get secret vigie --output "jsonpath={.data.$1}" | base64 -d; }
DATABASE_URL=$(secret DATABASE_URL)
MLFLOW_BACKEND_STORE_URI=$(secret MLFLOW_BACKEND_STORE_URI)
export DATABASE_URL MLFLOW_BACKEND_STORE_URI
# Redis keeps its old files open and writes to nothing but them; started anew, it reads those that were put in their place.
export WRITE_REDIS="$KUBECTL --namespace vigie exec -i redis-0 -- sh -c 'rm -rf /data/appendonlydir && tar -C /data -xf -'"

# One pod of each is enough to begin with: autoscalers and the next release make more of them, and of none they make none.
trap 'kube scale deployment --all --replicas=1' EXIT
kube scale deployment --all --replicas=0
kube wait pod --for=delete --timeout=180s --selector 'app.kubernetes.io/name notin (redis, training)'
"$(dirname "$0")/restore.sh" "$FOLDER"
kube delete pod redis-0
kube rollout status statefulset/redis --timeout=180s
