#!/usr/bin/env bash
# Fails if the committed Python code of the contract is not what proto/ generates now, or if it
# cannot be loaded by the oldest runtime we support (the generators' environment holds it).
set -euo pipefail
cd "$(dirname "$0")/.."

generators=${1:?usage: tools/verify_proto.sh GENERATORS_ENVIRONMENT}
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

tools/generate_proto.sh "$generators" "$fresh"
if ! diff --recursive --brief --exclude=__pycache__ "$fresh/treadle/v1" worker_sdk/treadle/v1; then
    echo "The generated code is not current: run 'make proto' and commit worker_sdk/treadle/v1." >&2
    exit 1
fi

for module in "$fresh"/treadle/v1/*.py; do
    PYTHONPATH=$fresh "$generators/bin/python" -W error -c "import treadle.v1.$(basename "$module" .py)"
done
