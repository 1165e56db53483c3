# What the runners share; each sources it. A suite is run whole, from a checkout that is only read, and every case is
# one line of a list of results: STATE, TAB, NAME, where STATE is ok, fail or skip (skipped by the suite itself).
# shellcheck shell=bash
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
test_user=${BRUN_TEST_USER:-bruntest}

fail() {
  echo "foreign: $*" >&2
  exit 2
}

need() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || fail "$tool is not installed"
  done
}

# Reads -m MODE, as often as it is given. The rest is NAMEs.
#   usage: options DEFAULT "$@"; shift $((OPTIND - 1))
#   sets: modes, OPTIND
options() {
  local flag default=$1
  shift
  modes=()
  while getopts m: flag; do
    [ "$flag" = m ] || exit 2
    modes+=("$OPTARG")
  done
  [ ${#modes[@]} -gt 0 ] || read -ra modes <<<"$default"
}

# The directory of a suite's logs, below FOREIGN_OUT, and in it a copy of the runtime that every user can reach.
#   sets: out, runtime
prepare() {
  local source=${RUNTIME:-$here/../../dist/brun}
  [ -x "$source" ] || fail "$source does not exist: npm run build"
  out=${FOREIGN_OUT:-/tmp/brun-foreign-$(id -u)}/$1
  mkdir -p "$out/bin"
  chmod 755 "${out%/*}" "$out" "$out/bin"
  runtime=$out/bin/$(basename "$source")
  [ "$(id -u)" -ne 0 ] || [ -c "$out/bin/null" ] || mknod -m 666 "$out/bin/null" c 1 3
  cp -f "$source" "$runtime.new" && chmod 755 "$runtime.new" && mv "$runtime.new" "$runtime"
}

is_brun() { [ "$(basename "$runtime")" = brun ]; }

# Who a mode is for, and the command that makes it so: an unprivileged user, made by root if need be, or root.
#   sets: user, command
caller() {
  user=$test_user
  command=(env "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
  if [[ $1 = root* ]]; then
    [ "$(id -u)" -eq 0 ] || fail "mode $1: not root"
    return
  fi
  [ "$(id -u)" -eq 0 ] || user=$(id -un)
  id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/sh "$user"
  command+=("HOME=$(getent passwd "$user" | cut -d: -f6)" "USER=$user")
  [ "$(id -u)" -ne 0 ] || command=(env -u XDG_RUNTIME_DIR setpriv "--reuid=$(id -u "$user")" "--regid=$(id -g "$user")"
    --init-groups --inh-caps=-all -- "${command[@]}")
}

# Wraps `command`. Root has it in namespaces of its own, so that nothing that a test leaves behind outlives it, be it
# a mount or a process, and names of the host cannot be changed; mounts are shared there, as systemd has them, and
# /dev/null is another one, since crun gives it to the user of a container. Modes whose name ends in cgroup1 or cgroup2 see that
# alone on a machine that has both, which crun refuses as root. tini waits for orphans at once, which not every process 1
# does.
wrap() {
  ! command -v tini >/dev/null || command=(tini -s -- "${command[@]}")
  [ "$(id -u)" -eq 0 ] || return 0
  [[ $1 != *-cgroup1 ]] || command=(sh -c 'umount /sys/fs/cgroup/unified && exec "$@"' sh "${command[@]}")
  command=(unshare --mount --uts --ipc --pid --fork --kill-child --mount-proc --
    sh -c 'mount --make-rshared / && mount --bind "$1" /dev/null && shift && exec "$@"' sh "$out/bin/null" "${command[@]}")
  [[ $1 != *-cgroup2 ]] || command=("$here/cgroup2.sh" "$user" "${command[@]}")
}

# Removes a directory of ours, and never what is mounted below it.
remove() { rm -rf --one-file-system -- "$@"; }

# Prints what failed and counts. LIST has the cases that do not apply: NAME, TAB, reason; `#` begins a comment. A case
# of the list counts as "does not apply" when it fails, and is told of when it passes. Fails when a case failed.
#   usage: report MODE LIST RESULTS
report() {
  local list=$2
  is_brun || list=/dev/null
  awk -F '\t' -v mode="$1" '
    FILENAME == ARGV[1] { if (NF > 1 && $1 !~ /^#/) reason[$1] = $2; next }
    { total++ }
    $1 == "fail" && ($2 in reason) { listed++; next }
    $1 == "ok" && ($2 in reason) { print mode ": " $2 ": passes, and is on the list: " reason[$2] }
    $1 == "fail" { print mode ": " $2; failed++ }
    $1 == "ok" { passed++ }
    $1 == "skip" { skipped++ }
    END {
      printf "%-12s %4d passed  %4d failed  %4d do not apply  %4d skipped\n", mode, passed, failed, listed, skipped
      exit failed > 0
    }' "$list" "$3"
}
