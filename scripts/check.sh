#!/bin/sh
# Static checks: types, lint and format of the TypeScript; warnings, analysis and format of the C stage.
# Runs them all, says which failed, and fails if one did.
set -u
cd "$(dirname "$0")/.."
failed=

step() {
  name=$1
  shift
  echo "check: $name"
  "$@" || failed="$failed $name"
}

# The stage with another compiler or more warnings; the object is thrown away.
compile() {
  out=$(mktemp -d)
  CC=$1 CFLAGS_EXTRA=$2 sh nsenter/build.sh "$out/nsenter.so"
  status=$?
  rm -rf "$out"
  return $status
}

sh_syntax() {
  for script in scripts/*.sh nsenter/*.sh nsenter/*/*.sh examples/*.sh test/clients/*.sh; do
    [ ! -e "$script" ] || sh -n "$script" || return 1
  done
  bash -n .ci/run
}

step tsc node_modules/.bin/tsc -p .
colours=force
[ -t 1 ] || colours=off
step biome node_modules/.bin/biome check --error-on-warnings --colors="$colours" .
step sh sh_syntax
step gcc compile gcc ""
step gcc-analyzer compile gcc -fanalyzer
step clang-analyzers sh nsenter/analyze.sh
if command -v clang >/dev/null 2>&1; then step clang compile clang ""; fi
step clang-format clang-format --dry-run -Werror --style=file:nsenter/.clang-format \
  nsenter/*.c nsenter/*.h nsenter/front/*.c nsenter/front/*.h nsenter/door/*.c nsenter/fuzz/*.c nsenter/fuzz/*.h bench/*.c \
  test/security/attackers/*.c test/faults/*.c

[ -z "$failed" ] || echo "check: failed:$failed" >&2
[ -z "$failed" ]
