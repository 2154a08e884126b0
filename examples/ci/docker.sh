#!/bin/sh
# Works anywhere with a container engine. `--env NAME` passes the variable of the
# shell, so that the token does not appear in the arguments.
set -eu
folder=$(mktemp -d)
code=0
docker run --rm \
    --env CLOUDFLARE_ACCOUNT_ID --env CLOUDFLARE_API_TOKEN \
    --env INPUT_PROJECT_NAME=site \
    --env INPUT_DEPLOYMENT_ID=latest-failed \
    --env INPUT_OUTPUT_FILE=/outputs/pages-retry.env \
    --volume "$folder:/outputs" \
    ghcr.io/OWNER/pages-retry:1 || code=$?
sed -n 's/^PAGES_RETRY_STATUS=//p; s/^PAGES_RETRY_URL=//p' "$folder/pages-retry.env" || true
rm -r "$folder"
exit "$code"
