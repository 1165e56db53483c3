#!/bin/bash
# Runs test suites inside the test machine, as root; reports go to /out for main.ts.
#   usage: suites.sh SUITE…
#
# A SUITE is PLACE=FILE[,FILE…][,-t,NAMES]: what `bun test` gets at that place. Places:
#   user-systemd     the user dev in a login session; brun is told to ask systemd's user manager
#   user-delegated   dev in a delegated scope, with no way to reach systemd; cgroupfs
#   root-systemd     root; systemd's system manager
#   root-cgroupfs    root; cgroupfs
#   user, root       the same callers, with brun left to decide
# The first four are made by tests in test/vm themselves (place.ts); for all others a script that adds the flags
# takes the place of dist/brun.
# The shared folder /host/brun holds the checkout, /host/bin the bun to run it with.
set -u
bun=/host/bin/bun
built=/host/brun/dist/brun
work=/run/brunvm
failed=0 number=0

# run PLACE COMMAND…: the command as the place's user, in the checkout, with BRUN_TEST_PLACE set.
run() {
  local place=$1 line
  shift
  printf -v line '%q ' env "BRUN_TEST_PLACE=$place" "BRUN_TEST_RUNS=$BRUN_TEST_RUNS" "$@"
  case $place in
    root*) (cd /host/brun && eval "CALLER=root $line") ;;
    user-delegated)
      su -l dev -c "cd /host/brun && exec systemd-run --user --scope --quiet -p Delegate=yes \
        env -u DBUS_SESSION_BUS_ADDRESS -u XDG_RUNTIME_DIR $line"
      ;;
    *) su -l dev -c "cd /host/brun && $line" ;;
  esac
}

# substitute PLACE: puts a script over dist/brun that gives the commands which make cgroups the flags of the place.
substitute() {
  local flags='' env=''
  case $1 in
    user-systemd) flags=--cgroup-manager=systemd env='XDG_RUNTIME_DIR=/run/user/1000' ;;
    root-systemd) flags=--cgroup-manager=systemd ;;
    *-delegated | *-cgroupfs) flags=--cgroup-manager=cgroupfs ;;
    *) return ;;
  esac
  # Those that look at a container know its cgroup; with the flag the front would leave them to Bun.
  cat >"$work/script" <<SCRIPT
#!/bin/sh
flags=$flags
for word; do
  case \$word in
    start | state | kill | delete | exec) flags= && break ;;
    create | run | sandbox) break ;;
  esac
done
$env exec $work/brun \$flags "\$@"
SCRIPT
  chmod 755 "$work/script"
  mount --bind "$work/script" "$built"
}

# Private, or what is mounted over the one would cover the other too.
touch "$work/brun"
mount --bind "$built" "$work/brun"
mount --make-private "$work/brun"

for suite; do
  place=${suite%%=*}
  IFS=, read -ra args <<<"${suite#*=}"
  report=/out/$place-$((++number)).xml
  echo "--- $place: ${args[*]}"
  SECONDS=0
  [[ $suite == */test/vm/* ]] || substitute "$place"
  # Emulated commands are slow and mostly wait for their turn: two tests at once keep both CPUs busy.
  # One that hangs must not take the reports of all others with it.
  run "$place" timeout --kill-after=30 "$SUITE_LIMIT" "$bun" test --timeout=300000 --max-concurrency=2 --reporter=junit "--reporter-outfile=$report" "${args[@]}" || failed=1
  mountpoint -q "$built" && umount "$built"
  # What bun could not even load, or did not end, is in no report.
  [ -s "$report" ] || echo '<testsuite name="?"><testcase name="no report"><failure/></testcase></testsuite>' >"$report"
  echo "--- $place: $SECONDS s"
done
exit "$failed"
