#!/usr/bin/env bash
# From a workflow or an operator's desk: renders the release and hands it to the machine over SSH. Variables: k8s/release.py,
# and HOST (user@address). The API of the cluster is not reachable from outside, so nothing but SSH is needed.
set -euo pipefail
: "${HOST:?expected user@address of the machine}" "${DOMAIN:?expected the name of the gateway}"
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
rendered=$folder/rendered.yaml
trap 'rm -rf "$folder"' EXIT
ssh=(ssh -o BatchMode=yes -o StrictHostKeyChecking=yes)
if [ -n "${SSH_PRIVATE_KEY:-}" ]; then # in a workflow; at a desk there is an agent
  (umask 077 && printf '%s\n' "$SSH_PRIVATE_KEY" >"$folder/key" && printf '%s\n' "${SSH_KNOWN_HOSTS:?expected the keys of the host}" >"$folder/known_hosts")
  ssh+=(-i "$folder/key" -o UserKnownHostsFile="$folder/known_hosts")
fi
ssh+=("$HOST")
"${PYTHON:-python3}" "$here/../release.py" >"$rendered"
tar -C "$here" -cf - release.sh backup-to-bucket.sh backup.sh restore.sh restore-on-machine.sh | "${ssh[@]}" 'sudo tar -C /opt/vigie -xf -'
"${ssh[@]}" "sudo env DOMAIN=$(printf %q "$DOMAIN") /opt/vigie/release.sh" <"$rendered"
