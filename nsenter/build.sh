#!/bin/sh
# Builds the C stage: one freestanding ELF that is both an executable (it has an entry point and needs no
# loader) and a shared object (bun:ffi calls brun_syscall in it). Also builds the front, which scripts/front.ts puts
# before Bun in brun's executable, and the door, a Node-API module (door/door.c). The front contains the other two.
#   usage: build.sh [OUTPUT.so]      environment: CC, CFLAGS_EXTRA
# The front is OUTPUT.front.
set -eu
cd "$(dirname "$0")"
out=${1:-build/nsenter.so}
front=${out%.so}.front
door=${out%.so}.door
mkdir -p "$(dirname "$out")"

sh headers.sh

# compile OUTPUT FLAG…
compile() {
  to=$1
  shift
  # shellcheck disable=SC2086
  ${CC:-cc} -std=gnu11 -Os -Wall -Wextra -Werror -Wshadow -Wconversion -Wno-sign-conversion -Wvla -Wundef \
    -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-align \
    -ffreestanding -fvisibility=hidden -fno-stack-protector -fno-asynchronous-unwind-tables \
    -fno-builtin -ffunction-sections -fdata-sections -nostdlib \
    -Wl,-e,_start -Wl,--gc-sections -Wl,-z,noseparate-code -Wl,-z,noexecstack -Wl,-z,defs -Wl,-z,norelro \
    -Wl,--hash-style=gnu -Wl,--build-id=none -Wl,-s ${CFLAGS_EXTRA-} \
    -o "$to.tmp" "$@"
  mv "$to.tmp" "$to"
}

compile "$out" -fPIC -shared plan/*.c stage/*.c

# Bun defines its undefined symbols.
compile "$door" -fPIC -shared -Wl,-e,0 -Wl,-z,undefs door/*.c

# The front contains all parts of the stage except its entry. It is linked to a fixed address above that of Bun.
# What every command writes to comes first: it then shares a page of memory with the initialised data.
set -- front/handover.c front/answers.c front/main.c front/image.S
for file in front/*.c plan/*.c stage/*.c; do
  case $file in
    front/handover.c | front/answers.c | front/main.c | stage/main.c) ;;
    *) set -- "$@" "$file" ;;
  esac
done
case $out in
  /*) image=$out ;;
  *) image=$PWD/$out ;;
esac
compile "$front" -fno-pie -static -Wl,-Ttext-segment=0x10000000,-u,front_calls \
  "-DSTAGE_IMAGE=\"$image\"" "-DDOOR_IMAGE=\"${image%.so}.door\"" "$@"
