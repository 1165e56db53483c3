#!/bin/sh
# Builds the fuzzers of the C stage (clang's libFuzzer with the address and undefined-behaviour sanitizers).
#   usage: build.sh DIRECTORY
set -eu
out=$(mkdir -p "${1:?usage: build.sh DIRECTORY}" && cd "$1" && pwd)
cd "$(dirname "$0")"
flags='-std=gnu11 -ffreestanding -g -O1 -Wall -Wextra -Werror -DBRUN_OPAQUE_SYSCALLS -fno-sanitize-recover=all'

# target NAME FILE…: builds a fuzzer from NAME.c and these files
target() {
  to=$1
  shift
  # shellcheck disable=SC2086
  clang $flags -fsanitize=fuzzer,address,undefined -o "$out/$to" "$to.c" tape.c kernel.c "$@"
}

programs='../plan/alive.c ../plan/decode.c ../stage/detached.c ../plan/execute.c ../plan/fallback.c ../stage/init.c ../plan/listing.c ../plan/local.c ../stage/message.c ../plan/output.c ../plan/passwd.c ../plan/resolve.c ../plan/search.c ../plan/target.c'
# shellcheck disable=SC2086
target program $programs
# local_run is wrapped, so that plans.c can tell a program's system calls from those of the front.
# shellcheck disable=SC2086
target plans -Wl,--wrap=local_run ../front/answers.c ../front/checksum.c ../front/command.c ../front/conversation.c \
  ../front/entries.c ../front/environment.c ../front/exec.c ../front/files.c ../front/flags.c ../front/guard.c ../front/here.c ../front/holes.c \
  ../front/input.c ../front/json.c ../front/later.c ../front/sandbox.c ../front/sandbox-words.c ../front/mapping.c ../front/moment.c ../front/pid-file.c ../front/plan-file.c ../front/process-file.c ../front/root.c ../front/run.c \
  ../front/signal-names.c ../front/terminal.c ../stage/signals.c $programs
target notify ../stage/notify.c ../stage/message.c
target states ../front/stored-state.c
target process ../front/json.c ../front/process-file.c
