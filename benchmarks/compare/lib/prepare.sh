# Sourced by run, idle and allocations: finds the tools (installs them when it may) and raises the file limit.
# need TOOL:PACKAGE ...
need() {
  local missing=() pair
  for pair in "$@"; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing ${missing[*]}" >&2
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
  else
    echo "missing: ${missing[*]}. Install these packages (Debian: apt-get install ${missing[*]}) and run again." >&2
    exit 1
  fi
}

raise_file_limit() {
  ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"
  if [ "$(ulimit -n)" -lt 16384 ]; then
    echo "the limit of open files is $(ulimit -n); at least 16384 are needed (ulimit -n, or /etc/security/limits.conf)" >&2
    exit 1
  fi
}

# Debian keeps nginx and haproxy in /usr/sbin, which is not in every user's path.
export PATH="$PATH:/usr/sbin:/sbin"
