#!/bin/sh
# What the npm package has besides files of the checkout, before `npm pack` and `npm publish`: the stage for each
# architecture, the TypeScript API as one file, its types, manual pages and completions. The executable is compiled from the
# sources when the package is installed (postinstall.js).
set -eu
cd "$(dirname "$0")/.."
bun=node_modules/.bin/bun

rm -rf dist/types dist/index.js
for arch in x64 arm64; do
  case $arch in
    x64) triple=x86_64-linux-gnu ;;
    arm64) triple=aarch64-linux-gnu ;;
  esac
  CC=$triple-gcc sh nsenter/build.sh "build/nsenter-$arch.so"
done
$bun build src/index.ts --target=bun --format=esm --outfile dist/index.js >/dev/null
node_modules/.bin/tsc -p tsconfig.package.json
$bun scripts/reference.ts dist
