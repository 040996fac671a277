#!/usr/bin/env bash
# Puts a folder that backup.sh wrote back. What is in the databases under these URLs is replaced; Redis must be stopped.
#
#   DATABASE_URL=… MLFLOW_BACKEND_STORE_URI=… WRITE_REDIS='tar -C /data -xf -' k8s/ec2/restore.sh FOLDER
#
# WRITE_REDIS gets the tar of Redis's append-only folder on its input; without it Redis is left alone.
set -euo pipefail
folder=${1:?expected the folder that backup.sh wrote}
: "${DATABASE_URL:?expected the URL of feedback and alerting}" "${MLFLOW_BACKEND_STORE_URI:?expected the URL of MLflow}"

(cd "$folder" && sha256sum --quiet --check SHA256SUMS) || { echo "the backup in $folder is not as it was written" >&2; exit 1; }
pg_restore --clean --if-exists --no-owner --exit-on-error --single-transaction --dbname="$DATABASE_URL" "$folder/vigie.dump"
pg_restore --clean --if-exists --no-owner --exit-on-error --single-transaction --dbname="$MLFLOW_BACKEND_STORE_URI" "$folder/mlflow.dump"
[ -z "${WRITE_REDIS:-}" ] || bash -c "$WRITE_REDIS" <"$folder/redis.tar"
[ -z "${MLFLOW_ARTIFACTS:-}" ] || tar -C "$MLFLOW_ARTIFACTS" -xf "$folder/artifacts.tar"
