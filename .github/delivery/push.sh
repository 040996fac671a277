#!/usr/bin/env bash
# Builds every image under TAG and pushes it to REGISTRY/<name>:TAG.
set -euo pipefail
: "${TAG:?expected the tag, a commit}" "${REGISTRY:?expected the registry and folder, ghcr.io/owner/vigie}"
cd "$(dirname "$0")/../.."
if [ -n "${REGISTRY_TOKEN:-}" ]; then
  printf %s "$REGISTRY_TOKEN" | docker login "${REGISTRY%%/*}" --username "${REGISTRY_USER:?expected the user}" --password-stdin
fi
export VIGIE_VERSION=$TAG
docker compose build --quiet
for image in $(docker compose config --images | grep '^vigie/' | sort -u); do
  there=$REGISTRY/${image#vigie/}
  docker tag "$image" "$there"
  docker push --quiet "$there"
done
