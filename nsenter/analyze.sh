#!/bin/sh
# Static analysis of the C stage by clang-tidy, or by scan-build where that is installed alone. Fails at any finding.
set -eu
cd "$(dirname "$0")"
# Declares system calls as an unknown function, since the analyzers do not know what assembly writes to.
opaque=-DBRUN_OPAQUE_SYSCALLS
# Two checks are off: system calls have several numbers as parameters, and _start is a reserved identifier.
checks='-*,clang-analyzer-*,bugprone-*,cert-*,-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier'
# These checks are about reserved names, and recommend Annex K's memcpy_s.
checks="$checks,-cert-dcl37-c,-cert-dcl51-cpp,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling"

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# clang-tidy has all checkers that scan-build has by default, so one of them is enough.
if command -v clang-tidy >/dev/null 2>&1; then
  tidied=true
  # shellcheck disable=SC2016 # sh is to expand them
  printf '%s\n' plan/*.c stage/*.c front/*.c door/*.c |
    xargs -P "$(nproc)" -I FILE sh -c 'clang-tidy --quiet --warnings-as-errors="*" --checks="$1" "$2" -- -std=gnu11 -ffreestanding "$3" \
      >"$4/tidy.$(echo "$2" | tr / .)" 2>&1' tidy "$checks" FILE "$opaque" "$out" || tidied=false
  if cat "$out"/tidy.* | grep -vE '^[0-9]+ warnings? generated\.$|^Suppressed|^Use -header-filter' || ! $tidied; then exit 1; fi
elif command -v scan-build >/dev/null 2>&1; then
  CFLAGS_EXTRA="$opaque -Wl,-z,undefs" scan-build --status-bugs -o "$out" sh build.sh "$out/nsenter.so" >"$out/log" 2>&1 ||
    { cat "$out/log"; exit 1; }
fi
