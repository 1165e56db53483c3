#!/usr/bin/env bash
# Runs crun's own tests against brun, as an unprivileged user and as root, and prints counts.
#   usage: CRUN_SUITE=<crun checkout> crun.sh [-m MODE]... [NAME]...
# NAME is a test_*.py file without its ending; all of them by default. MODE is user or root (both), either
# with -cgroup1 or -cgroup2 behind it: see README.md.
# Environment: RUNTIME, the runtime to test (dist/brun); FOREIGN_OUT, where the logs go (a directory in /tmp);
# FOREIGN_TIMEOUT, seconds for each file (600).
set -euo pipefail
# shellcheck source=test/foreign/lib.sh
. "$(dirname "$0")/lib.sh"

suite=${CRUN_SUITE:-}
[ -f "$suite/tests/tests_utils.py" ] || fail "CRUN_SUITE: expected a checkout of crun, found '$suite'"
default=user
[ "$(id -u)" -ne 0 ] || default="user root"
options "$default" "$@"
shift $((OPTIND - 1))
need python3 cc
prepare crun

# The program of the containers is the suite's; its configure finds out what is set here.
if [ ! -x "$out/init" ] || [ "$suite/tests/init.c" -nt "$out/init" ]; then
  : >"$out/config.h"
  cc -O2 -static -I "$out" -DHAVE_SECCOMP -DHAVE_ERROR_H -DHAVE_LINUX_IOPRIO_H -o "$out/init" "$suite/tests/init.c" -lseccomp ||
    fail "the suite's init was not built: it needs the static libraries of libc and libseccomp"
fi
remove "$out/tests"
cp -R "$suite/tests" "$out/tests"
# A case that waits for what does not come would take the rest of its file along.
cat >>"$out/tests/tests_utils.py" <<'END'


import signal


def timed_out(*_):
    raise TimeoutError("the test takes longer than a minute")


signal.signal(signal.SIGALRM, timed_out)
END
sed -i 's/^\( *\)ret = v()$/\1signal.alarm(60)\n&/' "$out/tests/tests_utils.py"

# A process that is frozen in a cgroup v1 cannot be killed, whatever the runtime, and would stay.
sed -i "s|os.access('/sys/fs/cgroup/freezer/', os.W_OK)|False|" "$out/tests/test_delete.py"
# What brun says in other words; another runtime is left to speak for itself. Root's user namespaces without mappings
# are for crun alone, which maps root to root then; runc and brun refuse them, and the tests are not about that.
if is_brun; then
  sed -i -f "$here/crun-texts.sed" "$out"/tests/test_*.py
  cat >>"$out/tests/tests_utils.py" <<'END'


def with_mappings(conf, userns=False, add=add_all_namespaces, **others):
    add(conf, userns=userns, **others)
    if userns and os.getuid() == 0:
        for kind in "uidMappings", "gidMappings":
            conf["linux"].setdefault(kind, [{"containerID": 0, "hostID": 0, "size": 1}])


add_all_namespaces = with_mappings
END
fi

# One file in one mode: the log is TAP, with the output of failing tests.
run_file() {
  local mode=$1 name=$2 log=$out/$1/$2.tap work=$out/$1/$2.work
  caller "$mode"
  remove "$work"
  mkdir "$work"
  [ "$(id -u)" -ne 0 ] || chown "$user" "$work"
  command+=("OCI_RUNTIME=$runtime" "INIT=$out/init" "TMPDIR=$work" "PYTHONPATH=$here/crun-python" PYTHONDONTWRITEBYTECODE=1
    sh -c 'cd "$1" && exec python3 "$2"' sh "$work" "$out/tests/$name.py")
  wrap "$mode"
  : | timeout -k 10 "${FOREIGN_TIMEOUT:-600}" "${command[@]}" >"$log" 2>"${log%.tap}.err" || true
  remove "$work" || true
  awk -v name="${name#test_}" '
    /^1\.\./ { planned = substr($0, 4) }
    /^(not )?ok [0-9]+ - / {
      state = /^not/ ? "fail" : / #SKIP/ ? "skip" : "ok"
      sub(/^(not )?ok [0-9]+ - /, "")
      sub(/ #.*/, "")
      print state "\t" name " " $0
      seen++
    }
    END { while (seen < planned + 0) print "fail\t" name " (not run: " ++seen ")" }' "$log"
}

# shellcheck disable=SC2046 # names are words
[ $# -gt 0 ] || set -- $(cd "$suite/tests" && printf '%s\n' test_*.py | sed 's/\.py$//')
status=0
for mode in "${modes[@]}"; do
  mkdir -p "$out/$mode" && chmod 755 "$out/$mode"
  for name in "$@"; do run_file "$mode" "$name"; done >"$out/$mode/results"
  report "$mode" "$here/crun-skips.txt" "$out/$mode/results" || status=1
done
exit $status
