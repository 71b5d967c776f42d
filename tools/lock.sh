#!/usr/bin/env bash
# Writes the requirements files that `make setup` and the code generators install from: one
# resolution for every platform, with hashes, and without the name of any package index.
set -euo pipefail
cd "$(dirname "$0")/.."

uv=${1:?usage: tools/lock.sh PATH_TO_UV}
options=(--quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --upgrade)
export UV_CUSTOM_COMPILE_COMMAND="make lock"

"$uv" pip compile "${options[@]}" --extra dev pyproject.toml --output-file requirements/dev.txt
# The light base alone, in the same versions: what a worker's machine gets.
"$uv" pip compile "${options[@]}" --constraint requirements/dev.txt pyproject.toml \
    --output-file requirements/base.txt
"$uv" pip compile "${options[@]}" requirements/codegen.in --output-file requirements/codegen.txt
