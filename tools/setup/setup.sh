#!/usr/bin/env bash
# Brings a Debian 12 machine to where the tree builds and all its tests run; says what it does and does nothing twice.
#   tools/setup/apt.lock           pinned apt packages: installed when missing (the only step that needs root or sudo)
#   tools/setup/requirements.txt   pinned, hashed wheels in .venv; libarrow and its headers come with pyarrow
#   tools/setup/duckdb.sh          DuckDB's pinned, hashed library and headers, fetched by npm into .cache
#   tests/peers/versitygw.py       a pinned S3 server for the tests, built by Go into .cache
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tools/setup/apt.sh

lock=tools/setup/apt.lock
requirements=tools/setup/requirements.txt
stamp=.venv/.setup-stamp
apt_log=.cache/setup/apt.log

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [[ $(id -u) == 0 ]]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "needs root to run: $* (run ./dev setup once as root, or install sudo)"
  fi
}

# Its output goes to $apt_log; what it complains about is shown.
apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@" \
    </dev/null >>"$apt_log" 2> >(tee -a "$apt_log" >&2)
}

# What is missing, and for what is there whether it is of the pinned upstream major version.
find_missing() {
  local line package pinned installed
  local -A have=()
  while IFS='=' read -r package installed; do have[$package]=$installed; done < <(
    dpkg-query -W -f='${Package}=${Version}=${db:Status-Status}\n' 2>/dev/null | sed -n 's/=installed$//p')
  missing=()
  others=()
  while read -r line; do
    package=${line%%=*} pinned=${line#*=}
    installed=${have[$package]:-}
    if [[ -z $installed ]]; then missing+=("$line")
    elif [[ $installed != "$pinned" ]]; then
      [[ $(upstream_major "$installed") == "$(upstream_major "$pinned")" ]] ||
        fail "$package $installed is installed, but this tree is pinned to $pinned; remove it and run ./dev setup again"
      others+=("$package $installed (pinned: $pinned)")
    fi
  done < <(locked_packages "$lock")
}

install_missing() {
  say "apt: installing ${#missing[@]} of $(locked_packages "$lock" | wc -l) pinned packages: ${missing[*]%%=*}"
  say "apt: this takes a minute or two; the details are in $apt_log"
  mkdir -p "${apt_log%/*}"
  : >"$apt_log"
  apt_get update || fail "apt-get update failed, see above and $apt_log"
  local line chosen wanted=() relaxed=()
  for line in "${missing[@]}"; do
    chosen=$(choose_version "$line" "$(apt-cache madison "${line%%=*}")") ||
      fail "the mirror has no ${line%%=*} of upstream major version $(upstream_major "${line#*=}"); see 'apt-cache policy ${line%%=*}'"
    [[ $chosen == "$line" ]] || say "WARNING: $line has vanished from the mirror, taking $chosen"
    wanted+=("$chosen")
    relaxed+=("${line%%=*}")
  done
  if ! apt_get install --no-install-recommends "${wanted[@]}"; then
    # A pinned package may want an older library than the one that this machine already got from security updates.
    say "WARNING: the pinned versions do not fit together on this machine, taking the mirror's candidates instead"
    apt_get install --no-install-recommends "${relaxed[@]}" || fail "apt-get install failed, see above and $apt_log"
  fi
  find_missing
  [[ ${#missing[@]} == 0 ]] || fail "still missing after the installation: ${missing[*]}"
}

# Debian's own interpreter where it can make environments, else whatever python3.11 is on the path.
find_python() {
  local python
  for python in /usr/bin/python3.11 python3.11 python3; do
    if "$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1; then
      echo "$python"
      return
    fi
  done
  fail "no Python 3.11 with the venv module; on Debian 12: apt-get install python3-venv"
}

make_venv() {
  local python
  if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    say "python: making .venv with $python"
    rm -rf .venv
    "$python" -m venv .venv
  fi
  say "python: installing what is missing of $(grep -c '==' "$requirements") hash-pinned packages (pyarrow brings libarrow)"
  PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip install --quiet --no-input --require-hashes --only-binary :all: \
    -r "$requirements" </dev/null || fail "pip could not install $requirements, see above"
  compgen -G '.venv/lib/python3*/site-packages/pyarrow/libarrow.so.*' >/dev/null ||
    fail "the pyarrow wheel in .venv carries no libarrow; is this x86-64 Linux?"
  echo "$1" >"$stamp"
}

# The S3 server of the tests, which pin its version. Without Go only those tests fail.
make_s3_server() {
  compgen -G "${THALWEG_CACHE:-.cache}/versitygw-*/versitygw" >/dev/null && return
  if ! command -v go >/dev/null; then
    say "note: no Go on this machine, so the tests that need an S3 server will fail"
    return
  fi
  say "go: building versitygw, the S3 server of the tests (two minutes, once)"
  PYTHONPATH=tests .venv/bin/python -m peers.versitygw || fail "versitygw could not be built, see above"
}

[[ $(uname -m) == x86_64 ]] || fail "this tree is pinned for x86-64, this machine is $(uname -m)"
command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || fail "needs Debian 12 (dpkg and apt-get)"

find_missing
[[ ${#missing[@]} == 0 ]] || install_missing

key=$(cat "$lock" "$requirements" tools/setup/setup.sh | sha256sum | cut -d' ' -f1)
if [[ ! -f $stamp || $(<"$stamp") != "$key" ]] || ! .venv/bin/python -c '' 2>/dev/null; then
  for other in "${others[@]}"; do say "note: not the pinned version, same upstream major: $other"; done
  make_venv "$key"
  say "done: $(locked_packages "$lock" | wc -l) apt packages, .venv"
elif [[ ${1:-} != --quiet ]]; then
  say "nothing to do: apt packages and .venv are as the lock files want them"
fi
# npm only unpacks what is pinned by its hash: any version of it will do.
command -v npm >/dev/null || { say "apt: installing npm"; mkdir -p "${apt_log%/*}"; apt_get install --no-install-recommends npm; }
tools/setup/duckdb.sh
make_s3_server
