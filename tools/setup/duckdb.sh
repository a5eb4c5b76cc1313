#!/usr/bin/env bash
# Puts DuckDB's shared library, its C++ headers and its licence into .cache/duckdb-VERSION (THALWEG_CACHE moves that), from two npm packages
# that are pinned by version and hash: the library of DuckDB's own Node bindings, and the headers of the sources in its older Node package.
# Both are of the same release; does nothing where all is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=1.4.4
library_package=@duckdb/node-bindings-linux-x64@1.4.4-r.1
library_sha256=8ac460b152cd05a95065a414879bb09e40534b1fb7a80a7afe6969b6ce039029
headers_package=duckdb@1.4.4
headers_sha256=5bb967dcbcd517670ba5f169f238fb9d6787e53752c60ebe24386169d76941ed

cache=${THALWEG_CACHE:-.cache}
home=$cache/duckdb-$version

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

# fetch PACKAGE SHA256: puts the package's tarball into $scratch and prints its path.
fetch() {
  local file
  file=$(cd "$scratch" && npm pack --silent "$1" 2>>npm.log | tail -n 1) || { cat "$scratch/npm.log" >&2; fail "npm could not fetch $1, see above"; }
  echo "$2  $scratch/$file" | sha256sum --check --quiet >&2 || fail "$1 is not what is pinned (sha256 above): nothing of it was used"
  echo "$scratch/$file"
}

[[ -f $home/lib/libduckdb.so && -f $home/include/duckdb.hpp && -f $home/LICENSE ]] && exit 0
command -v npm >/dev/null || fail "needs npm for DuckDB; on Debian 12: apt-get install npm"
say "npm: fetching DuckDB $version: its library (65 MB) and headers"
mkdir -p "$cache"
scratch=$(mktemp -d "$cache/duckdb-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
library=$(fetch "$library_package" "$library_sha256")
headers=$(fetch "$headers_package" "$headers_sha256")
mkdir -p "$scratch/home/lib" "$scratch/home/include"
tar -xzf "$library" -C "$scratch/home/lib" --strip-components=1 package/libduckdb.so
tar -xzf "$library" -C "$scratch/home" --strip-components=1 package/LICENSE
tar -xzf "$headers" -C "$scratch/home/include" --strip-components=5 package/src/duckdb/src/include
rm -rf "$home"
mv "$scratch/home" "$home"
