/**
 * Which variables of the environment decide nothing: neither the name nor the value can make one a secret, or the path
 * of one, or change how a sandbox is made. They are passed on to the program, and are no inputs of a plan. This is a much
 * narrower question than whether a variable is a secret (src/sandbox/secret-variables.ts), since
 * nsenter/front/environment.c has to answer it, too, of the same tables (nsenter/command-line.ts): a variable that is not
 * plain only has to have the value that it had.
 */

/** No plain name has one of these in it, in capitals. */
export const NOTABLE_PARTS: readonly string[] = [
  ...["AGENT", "ASKPASS", "AUTH", "BEARER", "BITWARDEN", "BORG", "BUS", "CERT", "CONF", "CONNECTION"],
  ...["COOKIE", "CRED", "DIR", "DISPLAY", "DOCKER", "GPG", "HIST", "HOME", "HOOK", "IPC", "JWT", "KEY"],
  ...["KRB5", "LISTEN", "LOGIN", "MNEMONIC", "NETRC", "NOTIFY", "PASS", "PGS", "PROXY", "SALT", "SCREEN"],
  ...["SECRET", "SESSION", "SOCK", "SSH", "SUDO", "TMP", "TOKEN", "URL", "XDG", "BRUN", "BUN"],
];

/** Nor does it end so. */
export const NOTABLE_ENDS: readonly string[] = [...["_DSN", "_PAT", "_PIN", "_PSK", "_PW", "_PWD", "DATA"]];

/** Nor is it one of these. */
export const NOTABLE_NAMES: readonly string[] = [
  ...[
    "PATH",
    "PAT",
    "SHELL",
    "TERM",
    "USER",
    "LOGNAME",
    "DOAS_USER",
    "PKEXEC_UID",
    "CONTAINER",
    "DEBIAN_CHROOT",
  ],
];

/** A longer value is plain if it begins as an absolute path does: tokens do not. */
export const PLAIN_LENGTH = 14;

const ASCII = /^[\x01-\x7f]*$/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const parts = new RegExp(NOTABLE_PARTS.join("|"));
const names = new Set(NOTABLE_NAMES);

/** Whether a variable decides nothing. */
export function isPlain(name: string, value: string): boolean {
  if (!NAME.test(name) || !isPlainValue(value)) return false;
  const upper = name.toUpperCase();
  return !names.has(upper) && !parts.test(upper) && !NOTABLE_ENDS.some((end) => upper.endsWith(end));
}

/** No password in a URL, no key, no token; nor what is not ASCII, which C and JSON count in other ways. */
function isPlainValue(value: string): boolean {
  if (!ASCII.test(value) || value.includes("@") || value.includes("---")) return false;
  return value.length <= PLAIN_LENGTH || value.startsWith("/");
}
