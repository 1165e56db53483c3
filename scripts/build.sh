#!/bin/sh
# Builds dist/brun, one self-contained executable. Does nothing when no source is newer than it.
#   usage: build.sh [--force]
set -eu
cd "$(dirname "$0")/.."
out=dist/brun

# Directories count too: their time changes when a file is removed.
newer=
if [ "${1-}" != --force ] && [ -x "$out" ]; then
  newer=$(find src rootless nsenter scripts/build.sh package.json package-lock.json tsconfig.json \
    -path nsenter/build -prune -o ! -name '*.test.ts' -newer "$out" -print | head -n 1)
  [ -n "$newer" ] || exit 0
fi

sh nsenter/build.sh
mkdir -p dist
# The autoload flags keep a bundle's bunfig.toml and .env, found in the current directory, from being run or
# read; tsconfig.json and package.json are off unless asked for, and said here so that it stays so.
# With --splitting a command maps only the bytecode that it uses: without it, twice as many page faults.
# The file is moved into place in one step: a running container's brun keeps the old one.
node_modules/.bin/bun build src/cli/main.ts --compile --target=bun --outfile "$out.new" \
  --minify --splitting --bytecode --format=esm --sourcemap=none --compile-jit-policy=100 \
  --no-compile-autoload-bunfig --no-compile-autoload-dotenv \
  --no-compile-autoload-tsconfig --no-compile-autoload-package-json >"$out.log" 2>&1 ||
  { cat "$out.log" >&2; rm -f "$out.new" "$out.log"; exit 1; }
rm "$out.log"
mv "$out.new" "$out"
