#!/bin/sh
# Installs a pinned version of brun in a CI job, as root into /usr/local, else into ~/.local.
#   environment: URL of the directory of the release, VERSION, SHA256 of the archive for this machine
set -eu
: "${URL:?the directory that has the release archives}" "${VERSION:?of brun}" "${SHA256:?of the archive, from SHA256SUMS}"
case $(uname -m) in
  x86_64) arch=x64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) echo "brun is built for x86-64 and arm64, not for $(uname -m)" >&2; exit 1 ;;
esac
case $(ldd --version 2>&1 || :) in *musl*) arch=$arch-musl ;; esac
name=brun-$VERSION-linux-$arch
prefix=$HOME/.local
[ "$(id -u)" -ne 0 ] || prefix=/usr/local
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if command -v curl >/dev/null; then
  curl -fsSL --retry 3 -o "$work/$name.tar.xz" "$URL/$name.tar.xz"
elif ! command -v wget >/dev/null; then
  echo "neither curl nor wget is installed" >&2
  exit 1
else
  wget -q -O "$work/$name.tar.xz" "$URL/$name.tar.xz"
fi
echo "$SHA256  $work/$name.tar.xz" | sha256sum -c - >/dev/null || {
  echo "$name.tar.xz does not have the checksum $SHA256" >&2
  exit 1
}
tar -C "$work" -xJf "$work/$name.tar.xz"
install -D -m 755 "$work/$name/brun" "$prefix/bin/brun"
[ -z "${GITHUB_PATH:-}" ] || echo "$prefix/bin" >>"$GITHUB_PATH"
"$prefix/bin/brun" --version
