#!/usr/bin/env bash
# Runs the validation tests of runtime-tools against brun, as root, and prints counts.
#   usage: RUNTIME_TOOLS_SUITE=<runtime-tools checkout> runtime-tools.sh [-m MODE]... [NAME]...
# NAME is a directory of validation; all of them by default. Each is one case: a program that prints TAP. MODE is root, or
# root with -cgroup1 or -cgroup2 behind it: see README.md.
# Environment: RUNTIME, the runtime to test (dist/brun); FOREIGN_OUT, where the logs go (a directory in /tmp);
# FOREIGN_TIMEOUT, seconds for each program (120).
set -euo pipefail
# shellcheck source=test/foreign/lib.sh
. "$(dirname "$0")/lib.sh"

suite=${RUNTIME_TOOLS_SUITE:-}
[ -d "$suite/validation" ] || fail "RUNTIME_TOOLS_SUITE: expected a checkout of runtime-tools, found '$suite'"
need go tar
options root "$@"
shift $((OPTIND - 1))
prepare runtime-tools
bin=$out/programs
mkdir -p "$bin"

# Built once from the checkout's own vendor directory. The programs look for their files where they are started.
build() { (cd "$suite" && CGO_ENABLED=0 go build -p 2 -mod=vendor -o "$bin/$1" "$2") || fail "$2 was not built"; }
[ -x "$bin/runtimetest" ] || build runtimetest ./cmd/runtimetest
cp -u "$suite"/rootfs-*.tar.gz "$bin/"

# One program in one mode. It passes when it ends well, prints what it has planned, and nothing of it is "not ok"; two
# print nothing when all is well.
run_program() {
  local mode=$1 name=$2 log=$out/$1/$2.tap ended=0
  remove "$out/tmp" && mkdir -m 755 "$out/tmp"
  caller "$mode"
  command+=("RUNTIME=$runtime" "TMPDIR=$out/tmp" sh -c 'cd "$1" && exec "./$2"' sh "$bin" "$name")
  wrap "$mode"
  : | timeout -k 10 "${FOREIGN_TIMEOUT:-120}" "${command[@]}" >"$log" 2>"${log%.tap}.err" || ended=$?
  awk -v name="$name" -v ended="$ended" '
    /^1\.\.[0-9]/ { planned += substr($0, 4) }
    /^(not )?ok / { seen++ }
    /^not ok / { bad++ }
    /^ok .*# SKIP/ { skipped++ }
    END {
      if (ended != 0 || bad || seen != planned || (NR && !planned)) state = "fail"
      else state = seen && skipped == seen ? "skip" : "ok"
      print state "\t" name
    }' "$log"
}

# shellcheck disable=SC2046 # names are words
[ $# -gt 0 ] || set -- $(cd "$suite/validation" && ls)
status=0
for mode in "${modes[@]}"; do
  mkdir -p "$out/$mode"
  for name in "$@"; do
    [ "$name" != util ] || continue
    [ -x "$bin/$name" ] || build "$name" "./validation/$name"
    run_program "$mode" "$name"
  done >"$out/$mode/results"
  report "$mode" "$here/runtime-tools-skips.txt" "$out/$mode/results" || status=1
done
remove "$out/tmp"
exit $status
