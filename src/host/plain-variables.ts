/**
 * Which environment variables are plain. A plain variable decides nothing: it is no secret, no path of one, and
 * does not change how a sandbox is made. It is passed on to the program, and is no input of a plan. This is much
 * narrower than the rule for secrets (src/sandbox/secret-variables.ts), since nsenter/front/environment.c has to
 * apply it, too, with the same tables (nsenter/command-line.ts). A variable that is not plain only has to keep its
 * value.
 */

/** A name with one of these parts, in capitals, is not plain. */
export const NOTABLE_PARTS: readonly string[] = [
  ...["AGENT", "ASKPASS", "AUTH", "BEARER", "BITWARDEN", "BORG", "BUS", "CERT", "CONF", "CONNECTION"],
  ...["COOKIE", "CRED", "DIR", "DISPLAY", "DOCKER", "GPG", "HIST", "HOME", "HOOK", "IPC", "JWT", "KEY"],
  ...["KRB5", "LISTEN", "LOGIN", "MNEMONIC", "NETRC", "NOTIFY", "PASS", "PGS", "PROXY", "SALT", "SCREEN"],
  ...["SECRET", "SESSION", "SOCK", "SSH", "SUDO", "TMP", "TOKEN", "URL", "XDG", "BRUN", "BUN"],
];

/** A name with one of these ends is not plain. */
export const NOTABLE_ENDS: readonly string[] = [...["_DSN", "_PAT", "_PIN", "_PSK", "_PW", "_PWD", "DATA"]];

/** None of these names is plain. */
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

/** A value that is longer than this is plain only if it begins like an absolute path. Tokens do not. */
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

/**
 * Whether a value is no password in a URL, no key and no token. Values that are not ASCII are not plain, since C
 * and JSON count their length differently.
 */
function isPlainValue(value: string): boolean {
  if (!ASCII.test(value) || value.includes("@") || value.includes("---")) return false;
  return value.length <= PLAIN_LENGTH || value.startsWith("/");
}
