/**
 * Which variables of the environment a sandbox of the host does not get unless it is asked for: by name, and by values of
 * known forms. Not by how random a value looks: of the values that do in the environments of desktops, terminals,
 * editors, CI and images that the test has, none is a secret.
 */

/** Parts of names, between underscores or at an end: GITHUB_TOKEN, NPMTOKEN, DB_PASSWORD_PROD, JWT. */
const PARTS =
  /(TOKENS?|SECRETS?|PASSWORDS?|PASSWD|PASSPHRASE|CREDENTIALS?|CREDS|COOKIES?|JWTS?|BEARER|AUTHORIZATION|AUTH_HEADER|PRIVATE_?KEY|API_?KEY|ACCESS_?KEY|ENCRYPTION_?KEY|SECRET_?KEY|WEBHOOK|MNEMONIC|CONNECTION_STRING)(_|\d*$)/;

/** Ends of names. PWD and OLDPWD have no underscore before them; nor has GIT_ASKPASS, which is a program. */
const ENDS = /_(KEY|KEYS|PASS|PWD|PW|AUTH|PAT|PSK|PIN|DSN|SALT|SESSION_KEY)$|^(KEY|PAT|PASS)$/;

/** Names that say nothing. DIRENV_DIFF has the values that direnv has set. An agent leads to secrets, as do the cookies of a display and the bus of a session. */
const NAMES =
  /^(SSHPASS|PGPASSWORD|MYSQL_PWD|REDISCLI_AUTH|BW_SESSION|OP_SESSION_.*|DOCKER_AUTH_CONFIG|LPASS_AGENT_.*|DIRENV_DIFF|SSH_AUTH_SOCK|SSH_AGENT_PID|GPG_AGENT_INFO|GNOME_KEYRING_CONTROL|DBUS_SESSION_BUS_ADDRESS|XAUTHORITY|ICEAUTHORITY|KRB5CCNAME|NETRC|VSCODE_IPC_HOOK_CLI|VSCODE_GIT_IPC_HANDLE|SUDO_ASKPASS_PASSWORD|ACTIONS_.*_URL|.*_AUTH_CONFIG)$/;

/** Names that look like secrets and are none: paths of stores, key ids, numbers, settings. */
const INNOCENT =
  /^(PASSWORD_STORE_DIR|GPG_KEY|TOKENIZERS_PARALLELISM|(.*_)?PUBLIC_KEY_(FILE|PATH)|(.*_)?(PUBLIC|CACHE|SORT|PARTITION|PRIMARY|FOREIGN|HOT)_KEYS?|(.*_)?(MAX|MIN|NUM)_.*TOKENS?|SSH_ASKPASS|GIT_ASKPASS|SUDO_ASKPASS)$/;

/** Values that are secrets whatever they are called: a password in a URL, a JWT, a key, what services issue. */
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

/** Whether its name says that a variable has a secret, or the path of one. */
export function isSecretName(name: string): boolean {
  const upper = name.toUpperCase();
  return !INNOCENT.test(upper) && (PARTS.test(upper) || ENDS.test(upper) || NAMES.test(upper));
}
