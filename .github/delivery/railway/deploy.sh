#!/usr/bin/env bash
# Every service to Railway from its own Dockerfile, the registry first; RAILWAY_TOKEN names project and environment.
set -euo pipefail
: "${RAILWAY_TOKEN:?expected a project token}"
cd "$(dirname "$0")/../../.."
railway=(npx --yes @railway/cli@5.63.1)
for service in ${SERVICES:-mlflow feedback alerting predictor-logreg gateway}; do
  "${railway[@]}" variables --service "$service" --set "RAILWAY_DOCKERFILE_PATH=services/$service/Dockerfile" --skip-deploys
  "${railway[@]}" up --service "$service" --ci
done
