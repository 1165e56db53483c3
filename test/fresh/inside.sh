#!/bin/bash
# In the container of main.sh: clones, and starts the commands as root, or as an ordinary user for whom root does what
# the commands ask for.
#   usage: inside.sh user|root [demo | test [ARGUMENT…]]
set -euo pipefail
who=$1 only=${2-}
shift $(($# < 2 ? $# : 2))
log=/root/log

# Each clones into its home, where nobody else can go on Debian 13.
if [ "$who" = user ]; then
  useradd --create-home --shell /bin/sh dev
  as=(setpriv --reuid=dev --regid=dev --init-groups env HOME=/home/dev USER=dev LOGNAME=dev)
  chown -R dev: /mnt/clone
  cd /home/dev
else
  as=()
  cd /root
fi
"${as[@]}" git clone -q /mnt/clone brun
cd brun

# run COMMAND…: as the caller, showing what it says; once more each time that root has done what the set-up asks for. What
# fails because something is missing is no failure; what fails without that which is only wanted is one.
run() {
  local status told worst=0
  while :; do
    status=0
    "${as[@]}" "$@" 2>&1 | tee "$log" || status=$?
    if [ "$status" -ne 0 ] && grep -q "^(pass)" "$log"; then worst=$status; fi
    # Each time something else is asked for; what is only wanted (some tests are skipped without it) is given, too.
    told=$(sed -nE 's/^setup: .*as root.*: (apt-get|usermod)/\1/p' "$log" | head -n 1)
    if [ "$who" = root ] || [ -z "$told" ] || [ "$told" = "${before-}" ]; then
      [ "$worst" -eq 0 ] || status=$worst
      return "$status"
    fi
    before=$told
    echo "inside: as root: $told"
    apt-get update -q >/root/told 2>&1
    # shellcheck disable=SC2086 # words
    DEBIAN_FRONTEND=noninteractive $told >>/root/told 2>&1 || {
      cat /root/told
      return 1
    }
  done
}

failed=
[ "$only" = test ] || run npm run demo || failed="$failed demo"
[ "$only" = demo ] || run npm test -- "$@" || failed="$failed test"
[ -z "$failed" ] || {
  echo "inside: failed:$failed"
  exit 1
}
