#!/usr/bin/env bash
# wheel.sh [BUILD_DIRECTORY [OUT_DIRECTORY]]: the Python package of a build that is there already. ./dev wheel builds first.
# PYTHON names the interpreter whose setuptools makes it (.venv's).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${1:-build/release} out=${2:-dist}
python=${PYTHON:-.venv/bin/python}
staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
quietly() { "$@" >"$staging/log" 2>&1 || { cat "$staging/log" >&2; exit 1; }; }

cp python/pyproject.toml python/setup.py "$staging"
cp -RL python/thalweg "$staging/thalweg"
rm -rf "$staging"/thalweg/__pycache__
cp "$build/python/thalweg/flight_v1.desc" "$staging/thalweg"
quietly cmake --install "$build" --prefix "$staging" --component python --strip
quietly cmake --install "$build" --prefix "$staging/thalweg/_server" --component Unspecified --strip
# What pyarrow brings is not brought twice; what is for machines, not for Python programs, stays out.
rm -rf "$staging"/thalweg/_server/{etc,lib/systemd,share/doc}
rm -f "$staging"/thalweg/_server/lib/lib{arrow,parquet}*.so.*
# Wheels have no links: each library stands there once, under the name by which it is loaded.
find "$staging/thalweg/_server/lib" -type l | while read -r link; do mv -f "$(readlink -f "$link")" "$link"; done
mkdir -p "$out"
quietly "$python" -m pip wheel --quiet --no-deps --no-build-isolation --no-index --wheel-dir "$staging/dist" "$staging"
wheel=$(basename "$staging"/dist/*.whl)
mv "$staging/dist/$wheel" "$out/$wheel"
echo "$out/$wheel ($(du -h "$out/$wheel" | cut -f1))"
