#!/bin/sh
# Builds dist/brun, one self-contained executable, with its manual pages and completions in
# dist/man and dist/completions. Does nothing when no source is newer than it.
#   usage: build.sh [--force] [--no-front] [--arch x64|arm64] [--libc glibc|musl]
# Without the front (nsenter/front), whose commands Bun does then, it is dist/brun-no-front. For another architecture or
# C library than this machine's it is dist/brun-ARCH, dist/brun-musl, dist/brun-ARCH-musl. That needs, once, npm's registry,
# which has the runtime, and for another architecture Debian's gcc-aarch64-linux-gnu (or gcc-x86-64-linux-gnu). The stage
# needs no C library: it is the same for both.
set -eu
cd "$(dirname "$0")/.."

case $(uname -m) in
  aarch64) here=arm64 ;;
  *) here=x64 ;;
esac
# musl's ldd prints its name to stderr and fails.
case $(ldd --version 2>&1 || :) in
  *musl*) here_libc=musl ;;
  *) here_libc=glibc ;;
esac
arch=$here libc=$here_libc
force=
front=yes
while [ $# -gt 0 ]; do
  case $1 in
    --force) force=yes ;;
    --no-front) front= ;;
    --arch=*) arch=${1#--arch=} ;;
    --arch) shift; arch=${1-} ;;
    --libc=*) libc=${1#--libc=} ;;
    --libc) shift; libc=${1-} ;;
    *) arch= ;;
  esac
  [ $# -eq 0 ] || shift
done
case $arch in
  x64) package=bun-linux-x64 triple=x86_64-linux-gnu ;;
  arm64) package=bun-linux-aarch64 triple=aarch64-linux-gnu ;;
  *) arch= ;;
esac
case $libc in
  glibc) suffix= ;;
  musl) suffix=-musl ;;
  *) arch= ;;
esac
[ -n "$arch" ] || { echo "usage: build.sh [--force] [--no-front] [--arch x64|arm64] [--libc glibc|musl]" >&2; exit 2; }
package=$package$suffix
out=dist/brun
[ "$arch" = "$here" ] || out=$out-$arch
[ "$libc" = "$here_libc" ] || out=$out-$libc
[ -n "$front" ] || out=$out-no-front

# Directories count too: their time changes when a file is removed.
if [ -z "$force" ] && [ -x "$out" ]; then
  newer=$(find src rootless nsenter scripts/build.sh scripts/bundle.ts scripts/front.ts scripts/icu.ts scripts/reference.ts package.json package-lock.json tsconfig.json \
    -path nsenter/build -prune -o ! -name '*.test.ts' -newer "$out" -print | head -n 1)
  [ -n "$newer" ] || exit 0
fi

mkdir -p dist
if [ "$arch" = "$here" ]; then
  sh nsenter/build.sh
else
  command -v "$triple-gcc" >/dev/null || {
    echo "build: missing $triple-gcc: run as root: apt-get install -y gcc-$(echo $triple | tr _ -)" >&2
    exit 1
  }
  CC=$triple-gcc sh nsenter/build.sh "build/nsenter-$arch.so"
  export BRUN_STAGE=nsenter-$arch.so
fi
set --
if [ "$arch$libc" != "$here$here_libc" ]; then
  version=$(node -p 'require("./node_modules/bun/package.json").version')
  runtime=.cache/$package-$version
  if [ ! -x "$runtime/node_modules/@oven/$package/bin/bun" ]; then
    npm install --prefix "$runtime" --no-save --force --ignore-scripts --no-audit --no-fund --loglevel=error \
      "@oven/$package@$version" >&2
  fi
  set -- "$arch" "$runtime/node_modules/@oven/$package/bin/bun"
fi

# The file is moved into place in one step: a running container's brun keeps the old one.
if [ -n "$front" ]; then
  BRUN_FRONT=yes node_modules/.bin/bun scripts/bundle.ts "$out.new" "$@"
else
  env -u BRUN_FRONT node_modules/.bin/bun scripts/bundle.ts "$out.new" "$@"
fi
[ "$out" != dist/brun ] || node_modules/.bin/bun scripts/reference.ts dist
mv "$out.new" "$out"
