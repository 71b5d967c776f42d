#!/usr/bin/env bash
# Generates the Python code of proto/treadle/v1 below an output folder, as treadle/v1/. The folder
# of generated code belongs to this script alone: what no .proto file produces any more is removed.
set -euo pipefail
cd "$(dirname "$0")/.."

generators=${1:?usage: tools/generate_proto.sh GENERATORS_ENVIRONMENT OUTPUT_FOLDER}
output=${2:?usage: tools/generate_proto.sh GENERATORS_ENVIRONMENT OUTPUT_FOLDER}
bin=$PWD/$generators/bin

shopt -s nullglob
files=(proto/treadle/v1/*.proto)
if ((${#files[@]} == 0)); then
    echo "no .proto files in proto/treadle/v1" >&2
    exit 1
fi

mkdir -p "$output/treadle/v1"
rm -f "$output"/treadle/v1/*.py "$output"/treadle/v1/*.pyi
"$bin/python" -m grpc_tools.protoc --proto_path=proto \
    --python_out="$output" --pyi_out="$output" "${files[@]}"

# Only files with a service get stubs: for the others the plugins would write empty modules.
mapfile -t services < <(grep --files-with-matches '^service ' "${files[@]}")
"$bin/python" -m grpc_tools.protoc --proto_path=proto \
    --plugin=protoc-gen-mypy_grpc="$bin/protoc-gen-mypy_grpc" \
    --grpc_python_out="$output" --mypy_grpc_out="quiet:$output" "${services[@]}"

cat >"$output/treadle/v1/__init__.py" <<'EOF'
"""Messages and services of `treadle.v1`, generated from proto/ by `make proto`; never edited."""
EOF
