# Functions over apt.lock lines (`package=version`) that setup.sh uses; sourced, no side effects.

# locked_packages FILE: the lines without comments.
locked_packages() { sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$1"; }

# upstream_major VERSION: what stands before the first dot of the upstream version, e.g. 1:19.1.7-3~deb12u1 -> 19.
upstream_major() {
  local version=${1#*:}
  echo "${version%%[!0-9]*}"
}

# choose_version PACKAGE=VERSION MADISON: the line itself where the output of `apt-cache madison` offers that version,
# else the newest offer of the same upstream major version (madison lists newest first); fails where there is none.
choose_version() {
  local package=${1%%=*} pinned=${1#*=} offer fallback=
  while IFS='|' read -r _ offer _; do
    offer=${offer// /}
    [[ -n $offer ]] || continue
    if [[ $offer == "$pinned" ]]; then
      echo "$1"
      return
    fi
    [[ -n $fallback || $(upstream_major "$offer") != "$(upstream_major "$pinned")" ]] || fallback=$offer
  done <<<"$2"
  [[ -n $fallback ]] && echo "$package=$fallback"
}
