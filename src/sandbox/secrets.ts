/** What of the caller's home and environment a sandbox of the host does not show unless it is asked for. */
import type { Mount } from "../spec/index.ts";
import type { HostView } from "./view.ts";

/** Below the home directory. docs/sandbox.md has the same list. */
export const SECRET_PATHS: readonly string[] = [
  // Keys and agents
  ".ssh",
  ".gnupg",
  ".pki",
  ".password-store",
  ".local/share/keyrings",
  ".local/share/kwalletd",
  ".config/sops",
  ".config/age",
  ".config/op",
  ".config/1Password",
  ".config/Bitwarden",
  ".config/keepassxc",
  // Clouds and clusters
  ".aws",
  ".azure",
  ".oci",
  ".kube",
  ".config/gcloud",
  ".config/doctl",
  ".config/hcloud",
  ".config/rclone",
  ".config/heroku",
  ".fly",
  ".boto",
  ".s3cfg",
  ".databrickscfg",
  ".terraform.d",
  ".vault-token",
  // Registries, forges and package indices
  ".docker",
  ".config/containers/auth.json",
  ".config/gh",
  ".config/glab-cli",
  ".config/hub",
  ".git-credentials",
  ".config/git/credentials",
  ".netrc",
  ".npmrc",
  ".yarnrc.yml",
  ".pypirc",
  ".config/pip",
  ".cargo/credentials",
  ".cargo/credentials.toml",
  ".gem/credentials",
  ".m2/settings.xml",
  ".gradle/gradle.properties",
  ".nuget/NuGet",
  // Databases
  ".pgpass",
  ".my.cnf",
  ".mylogin.cnf",
  // Browsers and mail
  ".mozilla",
  ".thunderbird",
  ".config/google-chrome",
  ".config/chromium",
  ".config/BraveSoftware",
  ".config/microsoft-edge",
  // What was typed
  ".bash_history",
  ".zsh_history",
  ".local/share/fish/fish_history",
  ".python_history",
  ".node_repl_history",
  ".psql_history",
  ".mysql_history",
  ".lesshst",
  ".viminfo",
];

/** Names of environment variables that hold a secret, or lead to an agent that does. */
const SECRET_NAMES =
  /TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|PRIVATE_?KEY|API_?KEY|ACCESS_?KEY|ENCRYPTION_?KEY|(^|_)PAT$|^(SSH_AUTH_SOCK|SSH_AGENT_PID|GPG_AGENT_INFO|GNOME_KEYRING_CONTROL|DBUS_SESSION_BUS_ADDRESS|XAUTHORITY)$/;

/** Values that hold a password: URL://user:password@host. */
const SECRET_VALUES = /^[a-z][a-z0-9+.-]*:\/\/[^/@\s:]*:[^/@\s]+@/i;

/** Whether a variable of the environment is hidden. */
export function isSecretVariable(name: string, value: string): boolean {
  return SECRET_NAMES.test(name.toUpperCase()) || SECRET_VALUES.test(value);
}

/** Directories in /tmp with sockets of agents, displays and terminals. */
const SOCKETS = /^(ssh-|tmux-|gpg-|keyring-|dbus-|\.X11-unix$|\.ICE-unix$)/;

/** Mounts that cover those secrets that are there: an empty directory, or /dev/null. */
export function coverSecrets(view: HostView, home: string): Mount[] {
  const mounts: Mount[] = [];
  const sockets = (view.list("/tmp") ?? []).filter((name) => SOCKETS.test(name));
  for (const destination of [
    ...SECRET_PATHS.map((name) => `${home}/${name}`),
    ...sockets.map((name) => `/tmp/${name}`),
  ]) {
    const found = view.follow(destination);
    if (found === null) continue;
    mounts.push(
      found.type === "dir"
        ? {
            destination,
            type: "tmpfs",
            source: "hidden",
            options: ["ro", "nosuid", "nodev", "noexec", "mode=555", "nr_blocks=1", "nr_inodes=64"],
          }
        : { destination, type: "bind", source: "/dev/null", options: ["bind", "nosuid", "noexec"] },
    );
  }
  return mounts;
}
