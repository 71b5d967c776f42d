#!/usr/bin/env bash
# Fails if a generated page of docs/reference is not what the code says now.
set -euo pipefail
cd "$(dirname "$0")/.."

bin=${1:?usage: tools/verify_docs.sh PROJECT_ENVIRONMENT}/bin
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

"$bin/python" tools/generate_docs.py "$fresh" >/dev/null
for page in "$fresh"/*; do
    if ! diff --brief "$page" "docs/reference/$(basename "$page")"; then
        echo "docs/reference is not current: run 'make docs' and commit what it writes." >&2
        exit 1
    fi
done
