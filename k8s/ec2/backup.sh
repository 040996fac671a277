#!/usr/bin/env bash
# Writes what Vigie cannot make again into an empty folder: feedback's and alerting's rows, MLflow's rows, Redis.
# Models' artefacts are in a bucket that keeps versions (or in MLFLOW_ARTIFACTS, a folder, which is then copied too).
#
#   DATABASE_URL=… MLFLOW_BACKEND_STORE_URI=… k8s/ec2/backup.sh FOLDER
#
# READ_REDIS prints a tar of Redis's append-only folder; the default asks the pod.
set -euo pipefail
folder=${1:?expected the folder to write into}
: "${DATABASE_URL:?expected the URL of feedback and alerting}" "${MLFLOW_BACKEND_STORE_URI:?expected the URL of MLflow}"
READ_REDIS=${READ_REDIS:-kubectl -n vigie exec redis-0 -- tar -C /data -cf - appendonlydir}
mkdir -p "$folder"
[ -z "$(ls -A "$folder")" ] || { echo "expected an empty folder, got $folder" >&2; exit 1; }
umask 077

pg_dump --format=custom --no-owner --file="$folder/vigie.dump" --dbname="$DATABASE_URL"
pg_dump --format=custom --no-owner --file="$folder/mlflow.dump" --dbname="$MLFLOW_BACKEND_STORE_URI"

# Redis may replace its files while they are read: then the manifest names a file that the tar lacks, and it is read again.
complete() {
  local manifest name
  manifest=$(tar -xOf "$folder/redis.tar" --wildcards 'appendonlydir/*.manifest') || return 1
  while read -r _ name _; do
    tar -tf "$folder/redis.tar" "appendonlydir/$name" >/dev/null 2>&1 || return 1
  done <<<"$manifest"
}
for _ in 1 2 3; do
  bash -c "$READ_REDIS" >"$folder/redis.tar" && complete && break
  rm -f "$folder/redis.tar"
done
[ -f "$folder/redis.tar" ] || { echo "Redis's files changed under every one of three readings" >&2; exit 1; }

[ -z "${MLFLOW_ARTIFACTS:-}" ] || tar -C "$MLFLOW_ARTIFACTS" -cf "$folder/artifacts.tar" .
(cd "$folder" && sha256sum -- *.* >SHA256SUMS)
du -sh "$folder" | cut -f1
