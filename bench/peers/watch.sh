#!/usr/bin/env bash
# A retry as people write it by hand, with curl and jq: send the POST, then poll every 5 s.
set -euo pipefail
api() { curl -sSf --compressed -H "Authorization: Bearer $TOKEN" "$@"; }
url=$BASE/accounts/$ACCOUNT/pages/projects/$PROJECT/deployments
id=$(api -X POST "$url/$DEPLOYMENT/retry" | jq -r .result.id)
while true; do
    read -r name status < <(api "$url/$id" | jq -r '.result.latest_stage | "\(.name) \(.status)"')
    case $name:$status in
        *:failure | *:canceled) exit 1 ;;
        deploy:success) exit 0 ;;
    esac
    sleep 5
done
