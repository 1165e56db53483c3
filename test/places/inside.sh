#!/bin/sh
# What is tried in each place: a bundle as `brun spec` makes it, --rootfs, --host, exec, delete, a terminal, and doctor.
#   usage: inside.sh DIR BRUN [FLAG]...
#   environment, each a pattern of grep -E:
#   PLACE_SAYS      what the first run warns of, in one line; without it nothing is said
#   PLACE_REFUSES   the one line by which everything is refused; crun, runc and bwrap have to fail there as well
#   PLACE_HOSTNAME  not empty: a host name that has to be is refused; that of `brun spec` is left out; crun and runc fail
set -u
# Of systemd-nspawn: run -d would wait for the container to say that it is ready.
unset NOTIFY_SOCKET
PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin
dir=$1
shift
brun=$*

fail() {
  echo "place: $*" >&2
  exit 1
}

# try COMMAND...: leaves its exit code, what it printed, and what it said.
try() {
  code=0
  "$@" >"$dir/out" 2>"$dir/err" </dev/null || code=$?
  out=$(tr -d '\r' <"$dir/out")
  err=$(cat "$dir/err")
}

# works NAME PATTERN COMMAND...: it prints "ran", and says one line, or nothing if the pattern is empty.
works() {
  name=$1 pattern=$2
  shift 2
  try "$@"
  [ "$code" = 0 ] && [ "$out" = ran ] || fail "$name: exit code $code, printed '$out', said '$err'"
  says "$name" "${pattern:+^brun: warning: .*$pattern}"
}

says() {
  if [ -z "$2" ]; then
    [ -z "$err" ] || fail "$1 says '$err'"
  else
    [ "$(echo "$err" | wc -l)" = 1 ] && echo "$err" | grep -Eq "$2" || fail "$1 says '$err', not '$2'"
  fi
}

# refused NAME PATTERN COMMAND...
refused() {
  name=$1 pattern=$2
  shift 2
  try "$@"
  [ "$code" != 0 ] && [ -z "$out" ] || fail "$name: exit code $code, printed '$out'"
  err=$(grep -v '^brun: warning: ' "$dir/err")
  says "$name" "^brun: .*$pattern"
}

# fails NAME COMMAND...: nothing is run where brun refuses.
fails() {
  name=$1
  shift
  command -v "$1" >/dev/null || return 0
  try "$@"
  [ "$out" != ran ] || fail "$name runs here"
}

mkdir -p "$dir/bundle" "$dir/rootfs/bin" "$dir/rootfs/tmp" "$dir/rootfs/etc" || exit 1
cp /bin/busybox "$dir/rootfs/bin/" 2>/dev/null || cp "$(command -v busybox)" "$dir/rootfs/bin/" || exit 1
for applet in sh echo sleep tty; do ln -sf busybox "$dir/rootfs/bin/$applet"; done
ln -sfn ../rootfs "$dir/bundle/rootfs"
cd "$dir/bundle" || exit 1

# spec RUNTIME...: a config.json that prints "ran".
spec() {
  rm -f config.json
  "$@" spec 2>/dev/null || return 0
  sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"echo", "ran"/' config.json
}

# The bundle of `spec` by the others.
peers_fail() {
  for peer in crun runc; do
    spec $peer --root "$dir/$peer"
    fails $peer $peer --root "$dir/$peer" run $id-$peer
  done
}

host_name=$(hostname 2>/dev/null || :)
id=place-$$
spec "$@"
if [ -n "${PLACE_REFUSES:-}" ]; then
  refused "a bundle" "$PLACE_REFUSES" "$@" run $id
  refused --rootfs "$PLACE_REFUSES" "$@" run --rootfs "$dir/rootfs" -- echo ran
  refused --host "$PLACE_REFUSES" "$@" run --host -- echo ran
  hint=${err#*hint: }
  # What needs no namespaces; doctor has a line of its own for it.
  hint=${hint%%; run --host --landlock*}
  # A command, which doctor shows as such.
  hint=${hint#run \"} hint=${hint%%\" as root*}
  try "$@" doctor
  # 1: it is refused as well.
  [ "$code" = 2 ] || { [ "$code" = 1 ] && [ -z "$out" ]; } || fail "doctor: exit code $code"
  case $out$err in *"$hint"*) ;; *) fail "doctor does not say '$hint': $out$err" ;; esac
  # Without namespaces: where doctor says that there is landlock, a program is restricted by it.
  script='echo ran; echo x > "$TMPDIR/x" && cat "$TMPDIR/x" > here; echo x > /tmp/brun-landlock-elsewhere'
  case $out in
  *"landlock"*"ABI "*)
    try "$@" run --host --landlock -- sh -c "$script"
    [ "$out" = ran ] && [ -s here ] && [ ! -e /tmp/brun-landlock-elsewhere ] || fail "--landlock: $code '$out' '$err'"
    ;;
  ?*) refused --landlock "--landlock: this kernel has no landlock" "$@" run --host --landlock -- sh -c "$script" ;;
  esac
  peers_fail
  fails bwrap bwrap --bind / / echo ran
  exit 0
fi
first=${PLACE_SAYS:-}
if [ -n "${PLACE_HOSTNAME:-}" ]; then
  sed -i 's/"org.brun.hostname"/"given"/' config.json
  try "$@" run $id
  [ "$code" = 1 ] || fail "a bundle with a host name: exit code $code"
  echo "$err" | tail -n 1 | grep -q '^brun: hostname: .*leave out the hostname' || fail "a bundle with a host name says '$err'"
  peers_fail
  spec "$@"
  sed -i 's/"given"/"org.brun.hostname"/' config.json
fi
works "a bundle" "$first" "$@" run $id
said=$err
works "the bundle again" "" "$@" run $id
works --rootfs "" "$@" run --rootfs "$dir/rootfs" -- echo ran
works --host "" "$@" run --host -- echo ran
"$@" run -d --rootfs "$dir/rootfs" --name $id -- sleep 60 >/dev/null || fail "run -d fails"
works exec "" "$@" exec $id echo ran
"$@" delete --force $id || fail "delete fails"
if command -v script >/dev/null; then
  try script -qec "$brun run --rootfs $dir/rootfs -t -- sh -c 'tty >/dev/null && echo ran'" /dev/null
  [ "$out" = ran ] || fail "with a terminal: '$out'"
fi
[ "$(hostname 2>/dev/null || :)" = "$host_name" ] || fail "the place has another host name"
# 1: things could be better.
try "$@" doctor
[ "$code" -lt 2 ] || fail "doctor: exit code $code: $out"
case ${PLACE_SAYS:-} in
  *"map one id"*)
    cause=${said#*map one id: }
    cause=${cause%%; hint: *}
    case $out in *"$cause"*) ;; *) fail "doctor does not say '$cause': $out" ;; esac
    ;;
  *devices*) echo "$out" | grep -Eq 'no cgroup can be made|no controllers here' || fail "doctor says nothing of cgroups: $out" ;;
  *proc*) echo "$out" | grep -q 'cannot mount proc' || fail "doctor says nothing of /proc: $out" ;;
esac
[ -z "${PLACE_HOSTNAME:-}" ] || echo "$out" | grep -q 'cannot set the hostname' || fail "doctor says nothing of host names: $out"
