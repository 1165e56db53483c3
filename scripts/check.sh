#!/bin/sh
# Static checks: types, lint and format of the TypeScript; warnings, analysis and format of the C stage.
# Runs them all side by side, prints what each says in their order, says which failed, and fails if one did.
set -u
cd "$(dirname "$0")/.." || exit 1
failed=
steps=
pids=
said=$(mktemp -d)
trap 'rm -rf "$said"' EXIT
# A shell starts what runs in the background without Ctrl-C.
trap 'kill $pids; exit 130' INT TERM

# step NAME COMMAND…: starts it.
step() {
  name=$1
  shift
  "$@" >"$said/$name" 2>&1 &
  steps="$steps $name:$!" pids="$pids $!"
}

# The stage with another compiler or more warnings; the object is thrown away.
compile() {
  out=$(mktemp -d)
  CC=$1 CFLAGS_EXTRA=$2 sh nsenter/build.sh "$out/nsenter.so"
  status=$?
  rm -rf "$out"
  return $status
}

# Every script of the repository, by its first line: shellcheck knows the shell from it.
scripts() {
  git ls-files | xargs -d '\n' grep -lE '^#! ?/[a-z/]*(env )?(ba)?sh' --
  ls test/foreign/lib.sh test/clients/prelude.sh
}

shell() {
  if command -v shellcheck >/dev/null 2>&1; then
    # shellcheck disable=SC2046 # names without blanks
    shellcheck --external-sources --severity=warning $(scripts)
  else
    echo "check: no shellcheck here: shell scripts are only parsed" >&2
    for script in $(scripts); do bash -n "$script" || return 1; done
  fi
}

# All steps on C include them.
sh nsenter/headers.sh || exit 1

step tsc node_modules/.bin/tsc -p .
colours=force
[ -t 1 ] || colours=off
step biome node_modules/.bin/biome check --error-on-warnings --colors="$colours" .
step shell shell
step gcc compile gcc ""
step gcc-analyzer compile gcc -fanalyzer
step clang-analyzers sh nsenter/analyze.sh
if command -v clang >/dev/null 2>&1; then step clang compile clang ""; fi
step clang-format clang-format --dry-run -Werror --style=file:nsenter/.clang-format \
  nsenter/*.h nsenter/plan/*.[ch] nsenter/stage/*.[ch] nsenter/front/*.c nsenter/front/*.h nsenter/door/*.c nsenter/fuzz/*.c nsenter/fuzz/*.h nsenter/testing/*.c bench/*.c \
  test/security/attackers/*.c test/faults/*.c

for one in $steps; do
  name=${one%:*}
  echo "check: $name"
  wait "${one#*:}" || failed="$failed $name"
  cat "$said/$name"
done
[ -z "$failed" ] || echo "check: failed:$failed" >&2
[ -z "$failed" ]
