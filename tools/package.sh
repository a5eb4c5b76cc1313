#!/usr/bin/env bash
# package.sh [BUILD_DIRECTORY [OUT_DIRECTORY]]: the tarball of a build that is there already. ./dev package builds first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${1:-build/release} out=${2:-dist}
version=$("$build/thalweg" --version | cut -d' ' -f2)
name=thalweg-$version-linux-$(uname -m)
staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
cmake --install "$build" --prefix "$staging/$name" --strip >"$staging/log" || { cat "$staging/log" >&2; exit 1; }
mkdir -p "$out"
# The same files give the same tarball, whoever packs them.
tar -C "$staging" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@"$(git log -1 --format=%ct 2>/dev/null || echo 0)" \
  -czf "$out/$name.tar.gz" "$name"
echo "$out/$name.tar.gz ($(du -h "$out/$name.tar.gz" | cut -f1))"
