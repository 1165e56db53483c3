/**
 * Decides which variables of the environment are hidden in a sandbox of the host: by names, and by known
 * forms of values. The randomness of a value is not used. In the environments of the test (desktops,
 * terminals, editors, CI and images) no random value is a secret.
 */

/** Parts of names, between underscores or at an end: GITHUB_TOKEN, NPMTOKEN, DB_PASSWORD_PROD, JWT. */
const PARTS =
  /(TOKENS?|SECRETS?|PASSWORDS?|PASSWD|PASSPHRASE|CREDENTIALS?|CREDS|COOKIES?|JWTS?|BEARER|AUTHORIZATION|AUTH_HEADER|PRIVATE_?KEY|API_?KEY|ACCESS_?KEY|ENCRYPTION_?KEY|SECRET_?KEY|WEBHOOK|MNEMONIC|CONNECTION_STRING)(_|\d*$)/;

/**
 * Ends of names. The underscore excludes PWD and OLDPWD. GIT_ASKPASS, which names a program, does not match
 * either.
 */
const ENDS = /_(KEY|KEYS|PASS|PWD|PW|AUTH|PAT|PSK|PIN|DSN|SALT|SESSION_KEY)$|^(KEY|PAT|PASS)$/;

/**
 * Names that do not look like secrets. DIRENV_DIFF contains the values that direnv has set. An agent gives
 * access to secrets, and so do a display's cookies and a session's bus.
 */
const NAMES =
  /^(SSHPASS|PGPASSWORD|MYSQL_PWD|REDISCLI_AUTH|BW_SESSION|OP_SESSION_.*|DOCKER_AUTH_CONFIG|LPASS_AGENT_.*|DIRENV_DIFF|SSH_AUTH_SOCK|SSH_AGENT_PID|GPG_AGENT_INFO|GNOME_KEYRING_CONTROL|DBUS_SESSION_BUS_ADDRESS|XAUTHORITY|ICEAUTHORITY|KRB5CCNAME|NETRC|VSCODE_IPC_HOOK_CLI|VSCODE_GIT_IPC_HANDLE|SUDO_ASKPASS_PASSWORD|ACTIONS_.*_URL|.*_AUTH_CONFIG)$/;

/** Names that only look like secrets: paths of stores, key ids, numbers, settings. */
const INNOCENT =
  /^(PASSWORD_STORE_DIR|GPG_KEY|TOKENIZERS_PARALLELISM|(.*_)?PUBLIC_KEY_(FILE|PATH)|(.*_)?(PUBLIC|CACHE|SORT|PARTITION|PRIMARY|FOREIGN|HOT)_KEYS?|(.*_)?(MAX|MIN|NUM)_.*TOKENS?|SSH_ASKPASS|GIT_ASKPASS|SUDO_ASKPASS)$/;

/** Values that are secrets under any name: a password in a URL, a JWT, a key, tokens of services. */
const VALUES = [
  /^[a-z][a-z0-9+.-]*:\/\/[^/@\s:]*:[^/@\s]+@/i,
  /^eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+$/,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  /^(gh[oprsu]_\w{30,}|github_pat_\w{22,}|glpat-[\w-]{20,}|npm_\w{36}|pypi-[\w-]{50,}|hf_\w{30,}|dop_v1_\w{60,})$/,
  /^(sk-[\w-]{20,}|(sk|rk)_live_\w{20,}|xox[abeoprs]-[\w-]{10,}|(AKIA|ASIA)[A-Z0-9]{16}|AIza[\w-]{35}|AGE-SECRET-KEY-[\w-]{50,})$/,
  /^(dckr_pat_|shp(at|ca|pa|ss)_|gl(rt|dt|ptt|cbt|soat|imt|agent)-|nfp_|r8_|gsk_|pplx-|xai-|xapp-|ntn_|lin_api_|figd_|sntrys_|sbp_|tskey-|hvs\.|ops_eyJ|SG\.|ya29\.)[\w.-]{16,}$/,
  /^(Bearer|Basic|Token) [\w+/=.~-]{16,}$/i,
];

/** Whether a variable of the environment is hidden. */
export function isSecretVariable(name: string, value: string): boolean {
  return VALUES.some((pattern) => pattern.test(value)) || isSecretName(name);
}

/** Whether a variable contains a secret or the path of one, by its name. */
export function isSecretName(name: string): boolean {
  const upper = name.toUpperCase();
  return !INNOCENT.test(upper) && (PARTS.test(upper) || ENDS.test(upper) || NAMES.test(upper));
}
