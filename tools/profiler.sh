#!/usr/bin/env bash
# Gets py-spy for `make flame`, into .cache/profiler.
set -euo pipefail
cd "$(dirname "$0")/.."
into=$PWD/.cache/profiler
[ -x "$into/bin/python" ] || python3 -m venv "$into"
[ -x "$into/bin/py-spy" ] || "$into/bin/pip" install --quiet py-spy==0.4.3
