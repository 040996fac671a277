#!/usr/bin/env bash
# Run by the timer on the machine: a backup into the bucket. The URLs are those of the Secret.
set -euo pipefail
: "${BUCKET:?expected the name of the bucket}"
export KUBECONFIG=${KUBECONFIG:-/etc/rancher/k3s/k3s.yaml} KUBECTL=${KUBECTL:-k3s kubectl}
secret() { $KUBECTL --namespace vigie get secret vigie --output "jsonpath={.data.$1}" | base64 -d; }
DATABASE_URL=$(secret DATABASE_URL)
MLFLOW_BACKEND_STORE_URI=$(secret MLFLOW_BACKEND_STORE_URI)
export DATABASE_URL MLFLOW_BACKEND_STORE_URI
export READ_REDIS="$KUBECTL --namespace vigie exec redis-0 -- tar -C /data -cf - appendonlydir"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$(dirname "$0")/backup.sh" "$folder/backup"
aws s3 cp --recursive --only-show-errors "$folder/backup" "s3://$BUCKET/backups/$(date -u +%Y-%m-%dT%H%M%SZ)"
