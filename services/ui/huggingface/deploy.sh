#!/usr/bin/env bash
# Brings what the Space is built from to Hugging Face: SPACE is owner/name, HF_TOKEN may write to it.
set -euo pipefail
: "${SPACE:?expected owner/name of the Space}" "${HF_TOKEN:?expected a token that may write to the Space}"
cd "$(dirname "$0")/../../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
git archive HEAD constraints.txt shared services/ui | tar -C "$folder" -xf -
cp services/ui/huggingface/README.md services/ui/huggingface/Dockerfile "$folder"
"${UV:-uv}" tool run --quiet --from huggingface_hub==2.4.0 hf upload "$SPACE" "$folder" . --repo-type space --delete '*' --commit-message "$(git rev-parse --short HEAD)"
