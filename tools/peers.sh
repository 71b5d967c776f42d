#!/usr/bin/env bash
# Installs the engines that `make bench-peers` measures, into .cache/peers; each from its package
# registry. What cannot be had is left out, and said.
set -euo pipefail
cd "$(dirname "$0")/.."
into=$PWD/.cache/peers
harness=${1:-../shared/bench/peers}
mkdir -p "$into"

# The same build of Python as ours: one that is a fifth slower would be a fifth of a ratio.
"$into/venv/bin/python" -c 'import sys; print(sys.base_prefix)' 2>/dev/null | cmp --quiet - <(
    .venv/bin/python -c 'import sys; print(sys.base_prefix)'
) || .venv/bin/python -m venv --clear "$into/venv"
"$into/venv/bin/pip" install --quiet restate_sdk hypercorn granian dbos durabletask aiohttp "psycopg[binary]"

if command -v npm >/dev/null && [ ! -x "$into/restate-server" ]; then
    npm install --silent --prefix "$into/npm" @restatedev/restate-server
    # The platform's own program, not the wrapper: its memory would be counted too.
    program=$(find "$into/npm/node_modules/@restatedev" -type f -path '*/bin/restate-server' | head -1)
    ln -sf "$program" "$into/restate-server"
fi

if command -v go >/dev/null && [ ! -x "$into/durabletask-go" ]; then
    mkdir -p "$into/go"
    (
        cd "$into/go"
        [ -f go.mod ] || go mod init peers
        go get github.com/microsoft/durabletask-go@v0.6.0
        go build -o "$into/durabletask-go" github.com/microsoft/durabletask-go
    ) >"$into/go/build.log" 2>&1 || echo "durabletask-go could not be built; it is left out"
fi
[ -d "$harness" ] || echo "there is no harness at $harness; say where with HARNESS="
