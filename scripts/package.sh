#!/bin/sh
# What the npm package has besides files of the checkout and what build.sh makes, for this machine's architecture and C
# library, before `npm pack` and `npm publish`: the TypeScript API as one file and its types.
set -eu
cd "$(dirname "$0")/.."
bun=node_modules/.bin/bun

rm -rf dist/types dist/index.js
$bun build src/index.ts --target=node --format=esm --outfile dist/index.js >/dev/null
node_modules/.bin/tsc -p tsconfig.package.json
