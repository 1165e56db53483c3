#!/bin/sh
# Generates the headers in build/, which the C includes, from the TypeScript.
set -eu
cd "$(dirname "$0")"
mkdir -p build

# made SCRIPT HEADER: generates a header from the TypeScript. An unchanged file is not written, and the others are
# replaced atomically, since two builds may run at once.
made() {
  ../node_modules/.bin/bun "$1" >"build/$2.$$"
  if cmp -s "build/$2.$$" "build/$2"; then rm "build/$2.$$"; else mv "build/$2.$$" "build/$2"; fi
}

made abi.ts abi.h
made command-line.ts command-line.h
