/** Which variables of the environment a sandbox of the host does not get unless it is asked for. */

/** Parts of names, between underscores or at an end: GITHUB_TOKEN, NPMTOKEN, DB_PASSWORD_PROD, JWT. */
const PARTS =
  /(TOKENS?|SECRETS?|PASSWORDS?|PASSWD|PASSPHRASE|CREDENTIALS?|CREDS|COOKIE|JWT|PRIVATE_?KEY|API_?KEY|ACCESS_?KEY|ENCRYPTION_?KEY|SECRET_?KEY|WEBHOOK|MNEMONIC|CONNECTION_STRING)(_|\d*$)/;

/** Ends of names. PWD and OLDPWD have no underscore before them; nor has GIT_ASKPASS, which is a program. */
const ENDS = /_(KEY|KEYS|PASS|PWD|PW|AUTH|PAT|PSK|PIN|DSN|SESSION_KEY)$|^(KEY|PAT|PASS)$/;

/** Names that say nothing. An agent leads to secrets, as do the cookies of a display and the bus of a session. */
const NAMES =
  /^(SSHPASS|PGPASSWORD|MYSQL_PWD|REDISCLI_AUTH|BW_SESSION|OP_SESSION_.*|DOCKER_AUTH_CONFIG|LPASS_AGENT_.*|SSH_AUTH_SOCK|SSH_AGENT_PID|GPG_AGENT_INFO|GNOME_KEYRING_CONTROL|DBUS_SESSION_BUS_ADDRESS|XAUTHORITY|ICEAUTHORITY|KRB5CCNAME|NETRC|VSCODE_IPC_HOOK_CLI|VSCODE_GIT_IPC_HANDLE|SUDO_ASKPASS_PASSWORD|ACTIONS_.*_URL|.*_AUTH_CONFIG)$/;

/** Names that look like secrets and are none: paths of stores, key ids, numbers, settings. */
const INNOCENT =
  /^(PASSWORD_STORE_DIR|GPG_KEY|TOKENIZERS_PARALLELISM|(.*_)?(PUBLIC|CACHE|SORT|PARTITION|PRIMARY|FOREIGN|HOT)_KEYS?|(.*_)?(MAX|MIN|NUM)_.*TOKENS?|SSH_ASKPASS|GIT_ASKPASS|SUDO_ASKPASS)$/;

/** Values that are secrets whatever they are called: a password in a URL, a JWT, a key, what services issue. */
const VALUES = [
  /^[a-z][a-z0-9+.-]*:\/\/[^/@\s:]*:[^/@\s]+@/i,
  /^eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+$/,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  /^(gh[oprsu]_\w{30,}|github_pat_\w{22,}|glpat-[\w-]{20,}|npm_\w{36}|pypi-[\w-]{50,}|hf_\w{30,}|dop_v1_\w{60,})$/,
  /^(sk-[\w-]{20,}|(sk|rk)_live_\w{20,}|xox[abeoprs]-[\w-]{10,}|(AKIA|ASIA)[A-Z0-9]{16}|AIza[\w-]{35}|AGE-SECRET-KEY-1\w{50,})$/,
];

/** Whether a variable of the environment is hidden. */
export function isSecretVariable(name: string, value: string): boolean {
  const upper = name.toUpperCase();
  if (VALUES.some((pattern) => pattern.test(value))) return true;
  return !INNOCENT.test(upper) && (PARTS.test(upper) || ENDS.test(upper) || NAMES.test(upper));
}
