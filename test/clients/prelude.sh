# shellcheck shell=bash
# What every check begins with. RUNTIME is the runtime's name, IMAGE a busybox image, N a name of the check's own,
# D a directory of its own; podman, buildah, docker, ctr are the clients with their private directories and RUNTIME.

fail() {
  echo "check: $*" >&2
  exit 1
}

# is ACTUAL EXPECTED
is() { [ "$1" = "$2" ] || fail "got '$1' where '$2' was expected"; }

# has TEXT PART: PART may have wildcards.
has() {
  # shellcheck disable=SC2254 # a pattern on purpose
  case $1 in *$2*) ;; *) fail "no '$2' in '$1'" ;; esac
}

# lacks TEXT PART
lacks() {
  # shellcheck disable=SC2254 # a pattern on purpose
  case $1 in *$2*) fail "'$2' in '$1'" ;; esac
}

# status CODE COMMAND...: the command ends with this exit code.
status() {
  wanted=$1
  shift
  got=0
  "$@" || got=$?
  [ "$got" -eq "$wanted" ] || fail "exit code $got, expected $wanted: $*"
}

# eventually COMMAND...: it succeeds within ten seconds.
eventually() {
  tries=0
  until "$@" >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || fail "not within 10 seconds: $*"
    sleep 0.1
  done
}

# terminal COMMAND...: on a terminal of 100 columns and 40 rows; stdin is typed into it.
terminal() {
  line='stty cols 100 rows 40;'
  for word; do line="$line '$(printf %s "$word" | sed "s/'/'\\\\''/g")'"; done
  script -qefc "$line" /dev/null | tr -d '\r'
}
