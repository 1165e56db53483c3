#!/bin/sh
# Builds dist/brun, one self-contained executable, and its manual pages in dist/man. Does nothing when no source is newer than it.
#   usage: build.sh [--force] [--arch x64|arm64]
# For another architecture than this machine's it is dist/brun-ARCH; that needs Debian's gcc-aarch64-linux-gnu (or
# gcc-x86-64-linux-gnu) and, once, npm's registry, which has the runtime.
set -eu
cd "$(dirname "$0")/.."

case $(uname -m) in
  aarch64) here=arm64 ;;
  *) here=x64 ;;
esac
arch=$here
force=
while [ $# -gt 0 ]; do
  case $1 in
    --force) force=yes ;;
    --arch=*) arch=${1#--arch=} ;;
    --arch) shift; arch=${1-} ;;
    *) arch= ;;
  esac
  [ $# -eq 0 ] || shift
done
case $arch in
  x64) package=bun-linux-x64 triple=x86_64-linux-gnu ;;
  arm64) package=bun-linux-aarch64 triple=aarch64-linux-gnu ;;
  *) echo "usage: build.sh [--force] [--arch x64|arm64]" >&2; exit 2 ;;
esac
out=dist/brun
[ "$arch" = "$here" ] || out=dist/brun-$arch

# Directories count too: their time changes when a file is removed.
if [ -z "$force" ] && [ -x "$out" ]; then
  newer=$(find src rootless nsenter scripts/build.sh scripts/bundle.ts scripts/front.ts scripts/man.ts package.json package-lock.json tsconfig.json \
    -path nsenter/build -prune -o ! -name '*.test.ts' -newer "$out" -print | head -n 1)
  [ -n "$newer" ] || exit 0
fi

mkdir -p dist
if [ "$arch" = "$here" ]; then
  sh nsenter/build.sh
  set --
else
  command -v "$triple-gcc" >/dev/null || {
    echo "build: missing $triple-gcc: run as root: apt-get install -y gcc-$(echo $triple | tr _ -)" >&2
    exit 1
  }
  CC=$triple-gcc sh nsenter/build.sh "build/nsenter-$arch.so"
  export BRUN_STAGE=nsenter-$arch.so
  version=$(node -p 'require("./node_modules/bun/package.json").version')
  runtime=.cache/$package-$version
  if [ ! -x "$runtime/node_modules/@oven/$package/bin/bun" ]; then
    npm install --prefix "$runtime" --no-save --force --ignore-scripts --no-audit --no-fund --loglevel=error \
      "@oven/$package@$version" >&2
  fi
  set -- "$arch" "$runtime/node_modules/@oven/$package/bin/bun"
fi

# The file is moved into place in one step: a running container's brun keeps the old one.
BRUN_FRONT=yes node_modules/.bin/bun scripts/bundle.ts "$out.new" "$@"
[ "$arch" != "$here" ] || node_modules/.bin/bun scripts/man.ts dist/man
mv "$out.new" "$out"
