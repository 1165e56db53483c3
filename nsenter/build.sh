#!/bin/sh
# Builds the C stage: one freestanding ELF that is both an executable (it has an entry point and needs no
# loader) and a shared object (bun:ffi reaches brun_syscall in it).
#   usage: build.sh [OUTPUT]      environment: CC, CFLAGS_EXTRA
set -eu
cd "$(dirname "$0")"
out=${1:-build/nsenter.so}
mkdir -p "$(dirname "$out")"
# shellcheck disable=SC2086
${CC:-cc} -std=gnu11 -Os -Wall -Wextra -Werror -Wshadow -Wconversion -Wno-sign-conversion -Wvla -Wundef \
  -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-align \
  -ffreestanding -fPIC -fvisibility=hidden -fno-stack-protector -fno-asynchronous-unwind-tables \
  -fno-builtin -ffunction-sections -fdata-sections -nostdlib -shared \
  -Wl,-e,_start -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,-z,noexecstack -Wl,-z,defs \
  -Wl,--hash-style=gnu -Wl,--build-id=none -Wl,-s ${CFLAGS_EXTRA-} \
  -o "$out.tmp" ./*.c
mv "$out.tmp" "$out"
