/**
 * Names below a directory of --rw by which the host's tools find code that they run without being asked.
 * Files that only run on request (build files, scripts of package.json) are not among them.
 */

/** Names in any directory. */
export const PROTECTED_FILES: readonly string[] = [".gitmodules", ".envrc", ".mcp.json"];
export const PROTECTED_DIRECTORIES: readonly string[] = [".vscode", ".idea", ".claude", ".husky"];

/** Further names in a home directory: files that shells, desktops and git read when they start. */
const IN_HOME: readonly string[] = [
  ..."profile login cshrc tcshrc logout kshrc mkshrc shrc".split(" "),
  ..."bashrc bash_profile bash_login bash_logout bash_aliases".split(" "),
  ..."xprofile xsession xsessionrc xinitrc pam_environment gitconfig inputrc".split(" "),
];
/** Those of zsh, which are in $ZDOTDIR instead if that is set. */
const OF_ZSH: readonly string[] = "zshrc zshenv zprofile zlogin zlogout".split(" ");
/** Directories in ~/.config, or in $XDG_CONFIG_HOME instead if that is set. */
const IN_CONFIG: readonly string[] = [
  ..."fish nushell git direnv autostart environment.d systemd".split(" "),
];

/**
 * Absolute paths of the files and directories that a login, a shell, a desktop or git reads. A variable adds
 * places, and removes none: a program may be started without it.
 */
export function startUpPlaces(
  homes: readonly string[],
  { ZDOTDIR, XDG_CONFIG_HOME }: Readonly<Record<string, string | undefined>>,
): { readonly files: readonly string[]; readonly directories: readonly string[] } {
  const and = (found: readonly string[], more: string | undefined): readonly string[] =>
    more?.startsWith("/") ? [...found, more] : found;
  const dotFiles = (directories: readonly string[], names: readonly string[]) =>
    directories.flatMap((directory) => names.map((name) => `${directory}/.${name}`));
  const configs = and(
    homes.map((home) => `${home}/.config`),
    XDG_CONFIG_HOME,
  );
  return {
    files: [...dotFiles(homes, IN_HOME), ...dotFiles(and(homes, ZDOTDIR), OF_ZSH)],
    directories: configs.flatMap((config) => IN_CONFIG.map((name) => `${config}/${name}`)),
  };
}
