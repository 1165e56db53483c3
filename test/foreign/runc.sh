#!/usr/bin/env bash
# Runs runc's own integration tests against brun, as an unprivileged user and as root, and prints counts.
#   usage: RUNC_SUITE=<runc checkout> runc.sh [-k] [-m MODE]... [NAME]...
# NAME is a .bats file without its ending; all of them by default. MODE is user, user-idmap, user-cgroup2, root or
# root-cgroup2: see README.md.
#   -k  run the tests of runc-skips.txt too
# Environment: RUNTIME, the runtime to test (dist/brun); RUNTIME_SPEC, a git repository of the runtime-spec; FOREIGN_OUT, where the logs go (a directory in /tmp);
# FOREIGN_JOBS, how many files at the same time as user (2); FOREIGN_TIMEOUT, seconds for each file (600).
set -euo pipefail
# shellcheck source=test/foreign/lib.sh
. "$(dirname "$0")/lib.sh"

suite=${RUNC_SUITE:-}
[ -d "$suite/tests/integration" ] || fail "RUNC_SUITE: expected a checkout of runc, found '$suite'"
modes=() skips=1
while getopts km: flag; do
  case $flag in
    k) skips=0 ;;
    m) modes+=("$OPTARG") ;;
    *) exit 2 ;;
  esac
done
shift $((OPTIND - 1))
if [ ${#modes[@]} -eq 0 ]; then
  modes=(user user-idmap)
  [ "$(id -u)" -ne 0 ] || modes+=(root)
fi
need bats jq gawk busybox script
go=$(command -v go) || go=
prepare runc
work=$out/suite

# The suite, in a copy of our own: other images, the tests of the skip list marked as such.
prepare_suite() {
  rm -rf "$work"
  mkdir -p "$work/tests"
  cp -R "$suite/go.mod" "$work/"
  cp -R "$suite/tests/integration" "$suite/tests/cmd" "$work/tests/"
  cat >"$work/tests/integration/get-images.sh" <<END
#!/bin/sh
echo BUSYBOX_IMAGE=$out/busybox.tar
echo DEBIAN_IMAGE=$out/debian.tar
END
  chmod 755 "$work/tests/integration/get-images.sh"
  # The suite does not wait for the helpers that it starts, and most of the time need not. One that is not stopped,
  # because it had not yet written down its pid, keeps bats waiting for ever.
  sed -i '/seccompagent" -socketfile/a\	retry 50 0.1 test -S "$SECCCOMP_AGENT_SOCKET"' "$work/tests/integration/helpers.bash"
  sed -i '/recvtty" --pid-file/a\	retry 50 0.1 test -s "$dir/pid"' "$work/tests/integration/helpers.bash"
  # What brun says in other words; another runtime is left to speak for itself.
  ! is_brun || sed -i -f "$here/runc-texts.sed" "$work"/tests/integration/*.bats
  [ "$skips" = 0 ] || for file in "$work"/tests/integration/*.bats; do
    awk -F '\t' '
      NR == FNR { if (NF > 1 && ENVIRON[$3] == "") reason[$1] = $2; next }
      { print }
      /^@test "/ {
        name = $0
        sub(/^@test "/, "", name)
        sub(/" \{$/, "", name)
        if (name in reason) { gsub(/["\\$`]/, "", reason[name]); print "\tskip \"skip list: " reason[name] "\"" }
      }' "$here/runc-skips.txt" "$file" >"$file.new"
    mv "$file.new" "$file"
  done
}

# The helpers of the suite are built once from the checkout's own vendor directory.
prepare_helpers() {
  local bin=$out/helpers name
  mkdir -p "$bin"
  for name in recvtty sd-helper seccompagent fs-idmap pidfd-kill remap-rootfs key_label; do
    [ ! -x "$bin/$name" ] || continue
    [ -n "$go" ] || fail "go is not installed"
    (cd "$suite" && CGO_ENABLED=1 go build -mod=vendor -tags seccomp -o "$bin/$name" "./tests/cmd/$name") ||
      echo "foreign: $name was not built; the tests that need it fail" >&2
  done
  ln -sfn "$bin" "$work/tests/cmd/_bin"
}

# Images from what the machine has; hard links for the applets, as in the image that the suite was written for.
prepare_images() {
  if [ ! -e "$out/busybox.tar" ]; then
    local root=$out/busybox
    rm -rf "$root"
    mkdir -p "$root"/{bin,dev,etc,home,root,tmp,usr/sbin,var/spool/mail,var/www}
    chmod 700 "$root/root" && chmod 1777 "$root/tmp"
    cp "$(command -v busybox)" "$root/bin/busybox"
    "$root/bin/busybox" --list | while read -r applet; do
      [ "$applet" = busybox ] || ln "$root/bin/busybox" "$root/bin/$applet"
    done
    printf '%s\n' root:x:0:0:root:/root:/bin/sh daemon:x:1:1:daemon:/usr/sbin:/bin/false \
      bin:x:2:2:bin:/bin:/bin/false www-data:x:33:33:www-data:/var/www:/bin/false \
      nobody:x:65534:65534:nobody:/home:/bin/false >"$root/etc/passwd"
    printf '%s\n' root:x:0: daemon:x:1: bin:x:2: tty:x:5: www-data:x:33: users:x:100: nobody:x:65534: >"$root/etc/group"
    tar -C "$root" -cf "$out/busybox.tar.new" . && mv "$out/busybox.tar.new" "$out/busybox.tar"
    rm -rf "$root"
  fi
  if [ ! -e "$out/debian.tar" ] && command -v mmdebstrap >/dev/null; then
    mmdebstrap --quiet --variant=essential --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
      --dpkgopt='path-exclude=/usr/share/man/*' bookworm "$out/new.debian.tar" && mv "$out/new.debian.tar" "$out/debian.tar"
  fi
  [ -e "$out/debian.tar" ] || echo "foreign: no Debian image (mmdebstrap); the tests that need it fail" >&2
}

# For the one test that clones: in a file, which any user may clone from.
prepare_spec() {
  [ -z "${RUNTIME_SPEC:-}" ] || git -c 'safe.directory=*' -C "$RUNTIME_SPEC" bundle create -q "$out/runtime-spec.bundle" HEAD --branches --tags
}

# A mode's features and environment, as in the suite's own rootless.sh.
mode_command() {
  local features='' range
  caller "$1"
  command+=("RUNC=$runtime" "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin${go:+:${go%/*}}")
  [ -z "${RUNTIME_SPEC:-}" ] || command+=(GIT_CONFIG_COUNT=1 "GIT_CONFIG_KEY_0=url.$out/runtime-spec.bundle.insteadOf"
    GIT_CONFIG_VALUE_0=https://github.com/opencontainers/runtime-spec.git)
  [[ $1 != root* ]] || return 0
  case $1 in
    user-idmap) features=idmap ;;
    user-cgroup2) features=idmap+cgroup ;;
  esac
  if [ -n "$features" ]; then
    range=$(grep "^$user:" /etc/subuid | head -n 1) || fail "mode $1: /etc/subuid has no line for $user"
    command+=("ROOTLESS_UIDMAP_START=$(cut -d: -f2 <<<"$range")" "ROOTLESS_UIDMAP_LENGTH=$(cut -d: -f3 <<<"$range")")
    range=$(grep "^$user:" /etc/subgid | head -n 1) || fail "mode $1: /etc/subgid has no line for $user"
    command+=("ROOTLESS_GIDMAP_START=$(cut -d: -f2 <<<"$range")" "ROOTLESS_GIDMAP_LENGTH=$(cut -d: -f3 <<<"$range")")
    if [ "$(id -u)" -eq 0 ]; then # a directory of a subordinate id, for a test of cwd.bats
      mkdir -p "$out/aux" && chmod 755 "$out/aux"
      chown "$(($(grep "^$user:" /etc/subuid | head -n 1 | cut -d: -f2) - 1000 + 1024))" "$out/aux"
      command+=("ROOTLESS_AUX_DIR=$out/aux" ROOTLESS_AUX_UID=1024)
    fi
  fi
  command+=("ROOTLESS_FEATURES=$features")
}

# One file in one mode; the log is TAP with the output of failing tests.
run_file() {
  local mode=$1 name=$2 command tmp
  mode_command "$mode"
  tmp=$out/$mode/$name.tmp
  remove "$tmp" "$out/$mode/$name.tty" && mkdir -p "$tmp" && chmod 1777 "$tmp"
  command+=("TMPDIR=$tmp" bats --tap "$work/tests/integration/$name.bats")
  [[ $mode != *-cgroup2 ]] || command=("$here/cgroup2.sh" "$user" "${command[@]}")
  # Orphans are waited for at once, which not every process 1 does.
  ! command -v tini >/dev/null || command=(tini -s -- "${command[@]}")
  # On a terminal, which runc asks for in the foreground; one that nobody types at and that stays open.
  mkfifo "$out/$mode/$name.tty"
  timeout -k 10 "${FOREIGN_TIMEOUT:-600}" script -qec "$(printf '%q ' "${command[@]}")" /dev/null \
    0<>"$out/$mode/$name.tty" 2>&1 | tr -d '\r' >"$out/$mode/$name.tap" || true
  remove "$tmp" "$out/$mode/$name.tty" || true
}

# The results of one file. By sed, which ends the last line of a log that was cut off.
results() {
  sed '' "$1" | awk -v name="$(basename "$1" .tap)" '
    /^1\.\./ { planned = substr($0, 4) + 0 }
    /^(not )?ok [0-9]+ / {
      state = /^not/ ? "fail" : / # skip/ ? "skip" : "ok"
      sub(/^(not )?ok [0-9]+ /, "")
      sub(/ # skip.*/, "")
      print state "\t" name ": " $0
      seen++
    }
    END { while (seen < planned) print "fail\t" name ": (not run: " ++seen ")" }'
}

prepare_suite
prepare_helpers
prepare_images
prepare_spec

if [ $# -eq 0 ]; then
  for file in "$work"/tests/integration/*.bats; do set -- "$@" "$(basename "$file" .bats)"; done
fi
status=0
for mode in "${modes[@]}"; do
  mkdir -p "$out/$mode"
  # As root a container's cgroup is named after its id, and the files use the same ids.
  jobs=${FOREIGN_JOBS:-2}
  [ "$mode" != root ] || jobs=1
  for name in "$@"; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || true; done
    run_file "$mode" "$name" &
  done
  wait
  for name in "$@"; do results "$out/$mode/$name.tap"; done >"$out/$mode/results"
  # The list has been applied to the copy: those cases are skipped.
  report "$mode" /dev/null "$out/$mode/results" || status=1
done
exit $status
