/**
 * Names below a directory of --rw by which the host's tools find code that they run without being asked.
 * Files that only run on request (build files, scripts of package.json) are not among them.
 */

/** Names in any directory. */
export const PROTECTED_FILES: readonly string[] = [".gitmodules", ".envrc", ".mcp.json"];
export const PROTECTED_DIRECTORIES: readonly string[] = [".vscode", ".idea", ".claude", ".husky"];

/** Further names in a home directory: files that shells, desktops and git read when they start. */
export const PROTECTED_IN_HOME: readonly string[] = [
  ..."profile login cshrc tcshrc logout kshrc mkshrc shrc".split(" ").map((name) => `.${name}`),
  ..."bashrc bash_profile bash_login bash_logout bash_aliases".split(" ").map((name) => `.${name}`),
  ..."zshrc zshenv zprofile zlogin zlogout".split(" ").map((name) => `.${name}`),
  ..."xprofile xsession xsessionrc xinitrc pam_environment gitconfig inputrc"
    .split(" ")
    .map((name) => `.${name}`),
];
export const PROTECTED_DIRECTORIES_IN_HOME: readonly string[] = [
  ".config/fish",
  ".config/nushell",
  ".config/git",
  ".config/direnv",
  ".config/autostart",
  ".config/environment.d",
  ".config/systemd",
];
