#!/usr/bin/env bash
# Builds the wheel and installs it with the light base alone, as on a worker's machine: the SDK
# loads there, and the command line, always installed, says kindly which extra a verb needs.
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$PWD/${1:?usage: tools/verify_wheel.sh PROJECT_ENVIRONMENT}/bin
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

"$bin/hatchling" build --target wheel --directory "$fresh" >"$fresh/build.log" 2>&1 || { cat "$fresh/build.log" >&2; exit 1; }
"$bin/python" -m venv "$fresh/light"
pip=("$fresh/light/bin/python" -m pip install --disable-pip-version-check --quiet --no-deps)
"${pip[@]}" --require-hashes --requirement requirements/base.txt
"${pip[@]}" "$fresh"/*.whl

cd "$fresh" # away from the sources: what loads now is what the wheel holds
"$fresh/light/bin/python" -W error - <<'EOF'
import importlib
import pkgutil

import treadle

names = [module.name for module in pkgutil.walk_packages(treadle.__path__, "treadle.")]
# The one module of the test kit that loads the server's code needs the server's packages.
names.remove("treadle.testing.serving")
for name in names:
    importlib.import_module(name)
print(f"    {len(names)} modules of the SDK load with the light base")
EOF

"$fresh/light/bin/treadle" --help >/dev/null
"$fresh/light/bin/treadle" worker --help >/dev/null
if said=$("$fresh/light/bin/treadle" server --in-memory 2>&1); then
    echo "treadle server started without the packages of treadle[server]" >&2
    exit 1
fi
if [[ $said != *"treadle[server]"* ]]; then
    printf "treadle server does not name the extra it needs, but says:\n%s\n" "$said" >&2
    exit 1
fi
echo "    the command line runs, and names the extra that the server needs"
