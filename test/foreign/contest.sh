#!/usr/bin/env bash
# Runs contest, youki's tests of runtimes, against brun, as root, and prints counts.
#   usage: YOUKI_SUITE=<youki checkout> contest.sh [-m MODE]... [NAME]...
# NAME is a group of tests; all of them by default. MODE is root, or root with -cgroup1 or -cgroup2 behind it: see
# README.md.
# Environment: RUNTIME, the runtime to test (dist/brun); RUNTIME_KIND, whose words the suite expects (runc); FOREIGN_OUT,
# where the logs go (a directory in /tmp); FOREIGN_TIMEOUT, seconds for each group (300).
set -euo pipefail
# shellcheck source=test/foreign/lib.sh
. "$(dirname "$0")/lib.sh"

suite=${YOUKI_SUITE:-}
[ -d "$suite/tests/contest" ] || fail "YOUKI_SUITE: expected a checkout of youki, found '$suite'"
need cargo
options root "$@"
shift $((OPTIND - 1))
prepare contest
mkdir -p "$out/run"

# Built once, outside of the checkout; runtimetest runs in the container, which has no libraries.
build() {
  local target=x86_64-unknown-linux-gnu
  target=${target/x86_64/$(uname -m)}
  (cd "$suite" && cargo build --locked --release --ignore-rust-version --target "$target" --target-dir "$out/target-$1" --bin "$1") &&
    cp "$out/target-$1/$target/release/$1" "$out/$1" || fail "$1 was not built"
}
[ -x "$out/contest" ] || build contest
[ -x "$out/runtimetest" ] || RUSTFLAGS=-Ctarget-feature=+crt-static build runtimetest
bundle=$suite/tests/contest/contest/bundle-$(uname -m).tar.gz
[ -e "$bundle" ] || bundle=$suite/tests/contest/contest/bundle.tar.gz
cp -u "$bundle" "$out/run/bundle.tar.gz"

# contest takes the word "error" in stderr, as runc's log lines have it, for a failure, and not the exit code.
tested=$runtime
if is_brun; then
  tested=$runtime-contest
  printf '#!/bin/sh\n"%s" "$@" || { code=$?; echo error >&2; exit $code; }\n' "$runtime" >"$tested"
  chmod 755 "$tested"
fi

# One group in one mode.
run_group() {
  local mode=$1 group=$2 log=$out/$1/$2.log
  remove "$out/tmp" && mkdir -m 755 "$out/tmp"
  caller "$mode"
  command+=("RUNTIME_KIND=${RUNTIME_KIND:-runc}" "TMPDIR=$out/tmp" sh -c 'cd "$1" && shift && exec "$@"' sh "$out/run"
    "$out/contest" run --runtime "$tested" --runtimetest "$out/runtimetest" -t "$group")
  wrap "$mode"
  : | timeout -k 10 "${FOREIGN_TIMEOUT:-300}" "${command[@]}" >"$log" 2>"${log%.log}.err" || true
  # "3 / 7 : name : ok"; what a test printed itself may be before it on the line. A test that panics takes its group along.
  awk -v group="$group" '
    match($0, /[0-9]+ \/ [0-9]+ : [^:]+ : (ok|not ok|skipped)$/) {
      split(substr($0, RSTART, RLENGTH), part, " : ")
      print (part[3] == "ok" ? "ok" : part[3] == "skipped" ? "skip" : "fail") "\t" group " " part[2]
    }
    /^# End group / { ended = 1 }
    END { if (!ended) print "fail\t" group " (died)" }' "$log"
}

# shellcheck disable=SC2046 # names are words
[ $# -gt 0 ] || set -- $(cd "$out/run" && "$out/contest" list)
status=0
for mode in "${modes[@]}"; do
  mkdir -p "$out/$mode"
  for group in "$@"; do run_group "$mode" "$group"; done >"$out/$mode/results"
  report "$mode" "$here/contest-skips.txt" "$out/$mode/results" || status=1
done
remove "$out/tmp"
exit $status
