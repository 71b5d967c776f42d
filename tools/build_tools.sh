#!/usr/bin/env bash
# Builds the programs that some tests talk to (each folder beside this file that has a go.mod or a
# package.json) into one folder outside the tree: TREADLE_TOOLS, by default the user's cache. A
# program is built again only when its pins change. Building has low priority, for Jaeger takes
# minutes.
set -euo pipefail
cd "$(dirname "$0")"

target=${TREADLE_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/treadle/tools}
mkdir -p "$target"

build() {
    local name=$1 patience=$2
    local pins
    pins=$(cat "$name/go.mod" "$name/go.sum" | sha256sum | cut -d' ' -f1)
    if [[ -x $target/$name && $(cat "$target/$name.pins" 2>/dev/null) == "$pins" ]]; then
        echo "    $name: present in $target"
        return
    fi
    if ! command -v go >/dev/null; then
        echo "    $name: not built, because there is no 'go' command. Install Go 1.25 or newer" >&2
        echo "    and run 'make tools' again; until then the tests that need $name are skipped." >&2
        return 1
    fi
    echo "    $name: building ($patience from a cold cache) ..."
    local package started=$SECONDS
    package=$(cd "$name" && go list tool)
    # Renamed only when whole: a test that runs meanwhile never meets half a program.
    (cd "$name" && nice -n 10 go build -trimpath -o "$target/$name.new" "$package")
    mv "$target/$name.new" "$target/$name"
    echo "$pins" >"$target/$name.pins"
    echo "    $name: built in $((SECONDS - started)) s, $(du -h "$target/$name" | cut -f1)"
}

install_from_npm() {
    local name=$1
    local pins modules="$target/$1.modules"
    pins=$(cat "$name/package-lock.json" | sha256sum | cut -d' ' -f1)
    if [[ -x $target/$name && $(cat "$target/$name.pins" 2>/dev/null) == "$pins" ]]; then
        echo "    $name: present in $target"
        return
    fi
    if ! command -v npm >/dev/null; then
        echo "    $name: not installed, because there is no 'npm' command. Install Node 20 or newer" >&2
        echo "    and run 'make tools' again; until then the tests that need $name are skipped." >&2
        return 1
    fi
    echo "    $name: installing (some seconds) ..."
    mkdir -p "$modules"
    cp "$name"/{package.json,package-lock.json,.npmrc} "$modules/"
    (cd "$modules" && npm ci --ignore-scripts --silent)
    printf '#!/bin/sh\nexec node "%s" "$@"\n' "$modules/node_modules/.bin/$name" >"$target/$name.new"
    chmod +x "$target/$name.new"
    mv "$target/$name.new" "$target/$name"
    echo "$pins" >"$target/$name.pins"
    echo "    $name: installed in $((SECONDS)) s"
}

missing=0
install_from_npm yaml-language-server || missing=1
build grpcurl "about a minute" || missing=1
build jaeger "about five minutes and 2 GiB" || missing=1
exit "$missing"
