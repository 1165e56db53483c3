#!/bin/sh
# Builds the fuzzers of the C stage (clang's libFuzzer with the address and undefined-behaviour sanitizers).
#   usage: build.sh DIRECTORY
set -eu
out=$(mkdir -p "${1:?usage: build.sh DIRECTORY}" && cd "$1" && pwd)
cd "$(dirname "$0")"
flags='-std=gnu11 -g -O1 -Wall -Wextra -Werror -DBRUN_OPAQUE_SYSCALLS -fno-sanitize-recover=all'
# shellcheck disable=SC2086
clang $flags -fsanitize=fuzzer,address,undefined -o "$out/program" \
  program.c kernel.c ../alive.c ../decode.c ../execute.c ../fallback.c ../message.c ../search.c ../target.c
# shellcheck disable=SC2086
clang $flags -fsanitize=fuzzer,address,undefined -o "$out/notify" notify.c kernel.c ../notify.c ../message.c
