#!/bin/sh
# Installs dist/brun with completions and manual pages for the caller alone, below ~/.local or where the XDG variables
# say; root is not needed. What was installed is written down, and taken away by --uninstall.
#   usage: install-user.sh [--uninstall]
set -eu
cd "$(dirname "$0")/.."
: "${HOME:?is not set}"
bin=${XDG_BIN_HOME:-$HOME/.local/bin}
data=${XDG_DATA_HOME:-$HOME/.local/share}
list=$data/brun/installed

# Files by line of the list; directories stay, as others may use them.
uninstall() {
  [ -e "$list" ] || return 1
  while IFS= read -r file; do rm -f "$file"; done <"$list"
  rm -f "$list"
  rmdir "$data/brun" 2>/dev/null || :
}

case ${1-} in
  "") ;;
  --uninstall)
    uninstall || { echo "install: nothing to take away: $list does not exist" >&2; exit 1; }
    echo "brun is no longer installed"
    exit 0
    ;;
  *) echo "usage: install-user.sh [--uninstall]" >&2; exit 2 ;;
esac

[ -x dist/brun ] || { echo "install: dist/brun does not exist: npm run build" >&2; exit 1; }
uninstall || :
mkdir -p "$data/brun"
: >"$list"

# put MODE FILE: stdin becomes the file, in one step, since the old one may be running.
put() {
  mkdir -p "$(dirname "$2")"
  cat >"$2.new"
  chmod "$1" "$2.new"
  mv "$2.new" "$2"
  printf '%s\n' "$2" >>"$list"
}

put 755 "$bin/brun" <dist/brun
put 644 "$data/bash-completion/completions/brun" <dist/completions/brun
put 644 "$data/zsh/site-functions/_brun" <dist/completions/_brun
put 644 "$data/fish/vendor_completions.d/brun.fish" <dist/completions/brun.fish
for page in dist/man/*.1; do put 644 "$data/man/man1/${page##*/}" <"$page"; done

echo "installed: $bin/brun, completions and manual pages below $data"
! command -v zsh >/dev/null || echo "zsh finds them by this line in ~/.zshrc, before compinit: fpath=($data/zsh/site-functions \$fpath)"
# Ubuntu 23.10 and later: without a profile of its own a program may not make user namespaces.
if [ "$(cat /proc/sys/kernel/apparmor_restrict_unprivileged_userns 2>/dev/null)" = 1 ]; then
  # AppArmor's "?" stands for any character: so nothing has to be quoted.
  path=$(printf %s "$bin/brun" | sed 's|[^A-Za-z0-9_./+-]|?|g')
  echo "this machine lets only programs with an AppArmor profile make user namespaces; as root, once:" \
    "echo 'abi <abi/4.0>, profile brun $path flags=(unconfined) { userns, }' >/etc/apparmor.d/brun && apparmor_parser -r /etc/apparmor.d/brun"
fi
case :$PATH: in
  *":$bin:"*) ;;
  *) echo "it is not in PATH yet: log in again, or: PATH=$bin:\$PATH (to be put in ~/.profile if it is not there)" ;;
esac
