#!/bin/sh
# Makes this checkout ready for one purpose: npm packages, and what is needed from the system.
#   usage: setup.sh [PURPOSE], which is build, demo, test (the default), vm, check, bench, fuzz, clients, arm64 or
#   release; as a command of its own: npm run setup -- check
#
# Installs with apt as root; otherwise prints one line that names what to install. Does nothing, quickly, when
# nothing is missing. Asks nothing and reads nothing from stdin. Written for a plain POSIX shell, since
# node_modules does not exist yet when it first runs.
set -eu
cd "$(dirname "$0")/.."
purpose=${1:-test}
exec </dev/null

fail() {
  echo "setup: $*" >&2
  exit 1
}

have() {
  # Debian keeps some of these in sbin, which is not on an ordinary user's PATH.
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1
}

have_library() {
  for dir in /lib /usr/lib /usr/local/lib /lib64 /usr/lib64 /lib/*-linux-gnu /usr/lib/*-linux-gnu; do
    [ -e "$dir/$1" ] && return 0
  done
  return 1
}

# A program that is not on the PATH.
have_file() {
  [ -e "$1" ]
}

# A busybox that runs in an empty root filesystem. ldd fails for a static executable.
have_static_busybox() {
  have busybox && ! ldd "$(command -v busybox)" >/dev/null 2>&1
}

have_download() {
  have curl || have wget
}

have_headers() {
  echo '#include <asm/unistd.h>' | cc -E - >/dev/null 2>&1
}

# clang with the libraries of its sanitizers, which Debian only recommends with it.
have_fuzzer() {
  echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
    clang -fsanitize=fuzzer,address -w -x c - -o /dev/null >/dev/null 2>&1
}

required=
wanted=
# need PACKAGE COMMAND…: without the package the purpose cannot be served.
need() {
  package=$1
  shift
  "$@" || required="$required $package"
}
# want PACKAGE COMMAND…: without the package part of the purpose is left out, which then says so.
want() {
  package=$1
  shift
  "$@" || wanted="$wanted $package"
}

need gcc have cc
need libc6-dev have_headers
case $purpose in
  build | vm) ;;
  release)
    need xz-utils have xz
    want rpm have rpmbuild
    ;;
  check)
    need clang-format have clang-format
    want clang have clang
    want clang-tidy have clang-tidy
    want shellcheck have shellcheck
    ;;
  fuzz)
    need clang have clang
    need libclang-rt-dev have_fuzzer
    ;;
  demo | test | bench | clients)
    need uidmap have newuidmap
    need libseccomp2 have_library libseccomp.so.2
    need busybox-static have_static_busybox
    ;;
  arm64)
    need gcc-aarch64-linux-gnu have aarch64-linux-gnu-gcc
    need libc6-dev-arm64-cross have_file /usr/aarch64-linux-gnu/include/asm/unistd.h
    need qemu-user-static have qemu-aarch64-static
    need file have file
    want musl-tools have musl-gcc
    want python3-pip have pip
    want rpm have rpmbuild
    ;;
  *) fail "unknown purpose '$purpose': expected build, demo, test, vm, check, bench, fuzz, clients, arm64 or release" ;;
esac
case $purpose in
  test)
    need procps have ps
    want crun have crun
    want runc have runc
    want tmux have tmux
    want zsh have zsh
    want fish have fish
    want man-db have man
    want mmdebstrap have mmdebstrap
    want libarchive-tools have bsdtar
    want python3 have python3
    want bubblewrap have bwrap
    want passt have pasta
    want slirp4netns have slirp4netns
    want fuse-overlayfs have fuse-overlayfs
    want fuse3 have fusermount3
    want strace have strace
    want curl have_download
    want xz-utils have xz
    want iproute2 have ip
    want clang have clang
    want libclang-rt-dev have_fuzzer
    want golang-github-containers-common [ -e /usr/share/containers/seccomp.json ]
    ;;
  vm)
    want qemu-system-x86 have qemu-system-x86_64
    want mmdebstrap have mmdebstrap
    want libarchive-tools have bsdtar
    want python3 have python3
    want e2fsprogs have mke2fs
    ;;
  clients)
    want crun have crun
    want runc have runc
    want podman have podman
    want conmon have conmon
    want catatonit have_file /usr/libexec/podman/catatonit
    want netavark have_file /usr/lib/podman/netavark
    want buildah have buildah
    want containerd have containerd
    want docker.io have dockerd
    want skopeo have skopeo
    want umoci have umoci
    want systemd-container have systemd-nspawn
    want bubblewrap have bwrap
    ;;
  bench)
    need crun have crun
    need runc have runc
    need bubblewrap have bwrap
    ;;
esac

# apt_install PACKAGE…: the output is shown when it fails. --no-remove: never take anything off the machine.
apt_install() {
  log=$(mktemp)
  set -- apt-get install -y -q --no-install-recommends --no-remove -o DPkg::Lock::Timeout=300 "$@"
  export DEBIAN_FRONTEND=noninteractive
  # The package lists of a fresh machine are absent or old: fetch them only when the first try fails.
  if ! "$@" >"$log" 2>&1; then
    if ! { apt-get update -q && "$@"; } >"$log" 2>&1; then
      cat "$log" >&2
      rm -f "$log"
      return 1
    fi
  fi
  rm -f "$log"
}

# shellcheck disable=SC2086 # lists of words
if [ -n "$required$wanted" ]; then
  if [ "$(id -u)" -ne 0 ]; then
    [ -z "$required" ] || fail "missing packages: run as root: apt-get install -y$required$wanted"
    echo "setup: some tests will be skipped: to run all, as root: apt-get install -y$wanted" >&2
  elif ! command -v apt-get >/dev/null 2>&1; then
    [ -z "$required" ] || fail "no apt-get here: install what Debian calls$required$wanted"
    echo "setup: some tests will be skipped without what Debian calls$wanted" >&2
  else
    echo "setup: installing as root, by apt-get install:$required$wanted" >&2
    [ -z "$required" ] || apt_install $required || fail "cannot install$required: see apt's output above"
    [ -z "$wanted" ] || apt_install $wanted ||
      echo "setup: some tests will be skipped: cannot install$wanted: see apt's output above" >&2
  fi
fi

# Root gives its test user a range itself.
if [ "$purpose" = test ] && [ "$(id -u)" -ne 0 ]; then
  for file in /etc/subuid /etc/subgid; do
    grep -q -e "^$(id -un):" -e "^$(id -u):" "$file" 2>/dev/null ||
      fail "no ids for $(id -un) in $file: run as root, with a range that is free:" \
        "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $(id -un)"
  done
fi

# npm writes node_modules/.package-lock.json last.
# shellcheck disable=SC3013 # dash and busybox know -nt, too
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  command -v npm >/dev/null 2>&1 || fail "missing npm: install node and npm"
  echo "setup: npm ci" >&2
  npm ci --no-audit --no-fund --loglevel=error || fail "npm ci failed: see its output above"
fi
# bun's install script, which an npm configured with ignore-scripts has left out.
if ! node_modules/.bin/bun --version >/dev/null 2>&1; then
  (cd node_modules/bun && node install.js) || fail "cannot set up node_modules/bun: see the output above"
  node_modules/.bin/bun --version >/dev/null || fail "node_modules/.bin/bun does not run on this machine"
fi
