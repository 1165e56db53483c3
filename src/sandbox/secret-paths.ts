/**
 * The places of secrets. docs/secrets.md is generated from this table. The paths are from the documentation
 * of the programs. They were compared with firejail's disable-common.inc and disable-programs.inc (commit
 * 19550fadd of 2026-08-22), which hide more: settings, too. Files that programs need to work, such as
 * ~/.gitconfig or ~/.claude/settings.json, are not hidden.
 */

/** The date of the last review of these lists. */
export const SECRETS_DATE = "2026-11-30";

/** Paths of one kind. */
export interface SecretGroup {
  readonly what: string;
  /** Paths below a home directory, separated by commas. A star in a name stands for any characters. */
  readonly paths: string;
}

export const SECRET_GROUPS: readonly SecretGroup[] = [
  {
    what: "Keys, agents, password managers",
    paths: `.ssh*, .gnupg*, .pki, .local/share/pki, .password-store*, .local/share/password-store, .local/share/gopass,
      .config/gopass, .local/share/keyrings, .gnome2/keyrings, .local/share/kwalletd, .kde/share/apps/kwallet,
      .kde4/share/apps/kwallet, .config/sops, .config/age, .config/chezmoi/key.txt, .minisign, .signify, .abuild, .caff,
      .config/op, .config/1Password, .1password, .config/Bitwarden, .config/Bitwarden CLI, .config/rbw, .local/share/rbw,
      .cache/rbw, .lastpass, .lpass, .local/share/lpass, .config/lpass, .config/Enpass, .local/share/Enpass, .config/keepassxc,
      .cache/keepassxc, .config/KeePass, .local/share/KeePass, .keepass, .keepassx, *.kdb, *.kdbx, .config/Authenticator,
      .local/share/authenticator-rs, .step, .config/step, .yubico, .ecryptfs, .Private, Private, .fscrypt, .vaults,
      .local/share/plasma-vault, .smbcredentials, .davfs2, .java/keystore, .keystore, .android/adbkey, .android/*.keystore,
      .secrets, .credentials, .env`,
  },
  {
    what: "Displays: cookies that let a program type and watch",
    paths: `.Xauthority*, .xauth*, .serverauth.*, .ICEauthority, .config/pulse/cookie, .pulse-cookie`,
  },
  {
    what: "Clouds and clusters",
    paths: `.aws, .azure, .oci, .bluemix, .ibmcloud, .aliyun, .tccli, .kube, .config/k3d, .minikube/profiles, .rancher,
      .config/argocd, .argocd, .config/helm, .config/gcloud, .config/doctl, .config/hcloud, .config/linode-cli, .config/scw,
      .config/exoscale, .config/vultr-cli.yaml, .vultr-cli.yaml, .civo.json, .config/yandex-cloud, .ovh.conf, .edgerc, .cf,
      .config/rclone, .rclone.conf, .config/heroku, .config/openstack, .config/lxc, .config/incus, .config/pulumi, .pulumi/credentials.json,
      .fly, .railway/config.json, .render, .supabase/access-token, .config/turso, .config/stripe, .boto, .gsutil, .s3cfg, .s3cmd, .passwd-s3fs,
      .databrickscfg, .databricks, .snowflake, .dbt/profiles.yml, .terraform.d, .terraformrc, .vault-token, .chef, .vagrant.d/data/vagrant_login_token, .ansible/vault*, .vault_pass*, .wrangler, .config/.wrangler,
      .netlify, .config/netlify, .local/share/com.vercel.cli, .vercel, .config/configstore, .expo/state.json, .config/turborepo,
      .local/share/turborepo, .config/borg, .config/restic, .config/rustic`,
  },
  {
    what: "Registries, forges and package indices",
    paths: `.docker, .config/containers/auth.json, .sigstore, .config/cachix, .config/attic, .config/gh, .config/glab-cli,
      .config/hub, .config/tea, .git-credentials, .git-credential-cache, .config/git/credentials,
      .cache/git/credential, .gitcookies, .subversion/auth, .cvspass, .config/breezy/authentication.conf,
      .bazaar/authentication.conf, .netrc*, .authinfo*, .npmrc, .config/npm/npmrc, .yarnrc.yml, .config/pnpm/rc, .bunfig.toml,
      .pypirc, .config/pip, .pip, .config/pypoetry/auth.toml, .local/share/uv/credentials, .continuum, .config/binstar,
      .cargo/credentials, .cargo/credentials.toml, .gem/credentials, .local/share/gem/credentials, .bundle/config,
      .composer/auth.json, .config/composer/auth.json, .m2/settings.xml, .m2/settings-security.xml, .gradle/gradle.properties,
      .nuget/NuGet, .config/NuGet, .hex/hex.config, .config/dart/pub-credentials.json, .pub-cache/credentials.json,
      .luarocks/upload_config.lua, .conan/.conan.db, .conan2/credentials.json, .config/sentry, .sentryclirc, .config/JetBrains/*/c.kdbx, .config/JetBrains/*/c.pwd`,
  },
  {
    what: "Databases, notebooks, models",
    paths: `.pgpass, .pg_service.conf, .my.cnf, .mylogin.cnf, .config/rediscli_auth, .rediscli_auth, .dbshell, .mongorc.js,
      .mongodb, .cassandra/credentials, .influxdbv2, .clickhouse-client, .local/share/DBeaverData, .usqlpass, .sqldeveloper,
      .kaggle, .config/kaggle, .jupyter, .local/share/jupyter/runtime, .ipython/profile_default/history.sqlite, .config/wandb, .mlflow/credentials, .comet.config,
      clearml.conf, .neptune, .config/earthengine, .modal.toml, .runpod, .vast_api_key, .config/vastai, .cache/huggingface/token,
      .cache/huggingface/stored_tokens, .huggingface`,
  },
  {
    what: "AI agents",
    paths: `.claude/.credentials.json, .claude/history.jsonl, .claude.json*, .claude/.claude.json*, .claude/backups, .config/Claude,
      .config/anthropic, .codex/auth.json, .codex/history.jsonl, .config/openai, .gemini, .qwen/oauth_creds.json, .qwen/.env, .config/github-copilot,
      .copilot, .local/share/opencode/auth.json, .local/share/opencode/mcp-auth.json, .config/goose, .local/share/amp/secrets.json, .local/share/crush/crush.json, .factory/auth.*, .augment/session.json, .local/share/amazon-q, .local/share/kiro-cli,
      .cursor/mcp.json, .cursor/cli-config.json, .config/cursor, .config/Cursor, .config/Windsurf, .codeium, .config/TabNine, .continue/config.*, .continue/.env,
      .cline/data/secrets.json, .config/Code*/User/globalStorage, .config/VSCodium/User/globalStorage, .vscode-server/data/User/globalStorage,
      .config/io.datasette.llm/keys.json, .aider*, .config/aichat, .config/mods, .config/fabric, .config/shell_gpt, .grok/user-settings.json, .vibe/.env, .kimi/config.*, .kimi/credentials,
      .openclaw, .clawdbot, .n8n, .ollama/id_*`,
  },
  {
    what: "Browsers, snaps and flatpaks",
    paths: `.mozilla, .config/mozilla, .cache/mozilla, .librewolf, .config/librewolf, .waterfox, .floorp, .zen, .config/zen, .icecat,
      .moonchild productions, .tor-browser*, .local/share/torbrowser, .config/torbrowser, .mullvad, .local/share/mullvad-browser,
      .config/google-chrome*, .cache/google-chrome*, .config/chromium*, .cache/chromium, .config/ungoogled-chromium, .config/BraveSoftware,
      .cache/BraveSoftware, .config/microsoft-edge*, .config/vivaldi*, .config/opera*, .config/yandex-browser*, .config/thorium, .config/Min,
      .config/net.imput.helium, .config/epiphany, .local/share/epiphany, .local/share/qutebrowser, .config/falkon, .local/share/midori,
      .config/midori, .surf, .dillo, .w3m, .elinks, .lynx_cookies, snap, .snap, .var/app`,
  },
  {
    what: "Mail, messengers, calendars",
    paths: `.thunderbird, .cache/thunderbird, .betterbird, .local/share/evolution, .config/evolution, .cache/evolution, .config/goa-1.0,
      .config/geary, .local/share/geary, .config/Mailspring, .config/protonmail, .config/Proton*, .claws-mail, .config/sylpheed, .sylpheed-2.0,
      .local/share/akonadi, .config/akonadi, .config/kmail2rc, .config/mailtransports, .mutt, .muttrc, .config/mutt, .config/neomutt, .config/aerc,
      .config/himalaya, .mailrc, .msmtprc, .config/msmtp, .mbsyncrc, .config/isyncrc, .fetchmailrc, .getmail, .config/getmail, .offlineimaprc,
      .config/offlineimap, .sendgmail*, .vdirsyncer, .config/vdirsyncer, .config/Signal*, .local/share/signal-cli, .config/Slack, .config/discord*,
      .config/vesktop, .config/Element*, .config/Riot, .config/Cinny, .local/share/fractal, .config/nheko, .local/share/nheko,
      .local/share/TelegramDesktop, .TelegramDesktop, .local/share/telegram-desktop, .config/Microsoft*, .config/teams*,
      .config/WhatsApp*, .config/Mattermost, .config/Rocket.Chat, .config/zulip, .config/Zulip, .zoom, .config/zoom*, .config/skypeforlinux, .config/Wire, .config/Session,
      .config/Threema, .config/Ferdi*, .config/Franz, .config/Rambox, .config/Beeper*, .ViberPC, .config/keybase, .local/share/keybase, .config/tox,
      .purple, .config/hexchat, .irssi, .config/weechat, .weechat, .local/share/weechat, .config/gajim, .local/share/gajim, .config/psi*, .local/share/psi*,
      .local/share/dino, .local/share/profanity, .config/profanity, .config/konversationrc, .config/Jitsi Meet, .jitsi, .local/share/jami, .config/jami, .linphone*,
      .config/linphone, .local/share/linphone, .config/Mumble, .local/share/Mumble, .ts3client`,
  },
  {
    what: "Wallets",
    paths: `.bitcoin, .config/Bitcoin, .litecoin, .dogecoin, .dash*core, .zcash, .*coin, wallet.dat, .electrum*, .electron-cash, .ethereum, .foundry/keystores,
      .brownie/accounts, .near-credentials, .sui, .aptos, .starknet_accounts, .starkli-wallets, .config/solana, .local/share/monero*,
      .config/monero-project, .bitmonero, .shared-ringdb, Monero/wallets, .local/share/Bisq*, .config/Exodus, .config/atomic, .config/Ledger Live,
      .config/@trezor, .sparrow, .walletwasabi, .specter, .lnd, .lightning, .multibit*, .armory, .coinomi, .config/Guarda, .daedalus, .gaia`,
  },
  {
    what: "Networks and remote desktops",
    paths: `.cert, .openvpn, *.ovpn, .config/openvpn, .config/wireguard, .local/share/networkmanagement, .config/protonvpn, .config/nordvpn,
      .config/Mullvad VPN, .config/tailscale, .config/ngrok, .ngrok2, .cloudflared, .config/filezilla, .filezilla, .config/remmina, .local/share/remmina,
      .remmina, .config/freerdp, .config/rustdesk, .anydesk, .config/teamviewer, .vnc/passwd, .config/tigervnc/passwd, .config/syncthing, .local/state/syncthing,
      .config/Nextcloud, .dropbox, .megaCmd, .rhosts, .shosts`,
  },
  {
    what: "What was typed and copied",
    paths: `.*_history*, .history, .histfile, .zhistory, .pythonhist, .python-history, .mutthistory, .Rhistory, .ammonite/history, .julia/logs/repl_history.jl,
      .local/share/fish/fish_history*, .config/fish/fish_history, .local/share/zsh/*history*, .local/state/zsh/*history*, .cache/zsh/history, .config/nushell/history.*,
      .local/state/bash/history, .local/state/*_history, .local/share/atuin, .local/share/mcfly, .mcfly, .lesshst, .local/state/lesshst, .viminfo*, .cache/vim/viminfo,
      .local/state/nvim/shada, .local/share/nvim/shada, .local/share/klipper, .config/copyq, .local/share/copyq, .cache/cliphist, .cache/greenclip*, .cache/xfce4/clipman,
      .cache/clipboard-indicator@*`,
  },
];

/** The paths of all groups. */
export const SECRET_PATHS: readonly string[] = SECRET_GROUPS.flatMap(({ paths }) => paths.split(/,\s+/));

/**
 * Directories in which people often have links to files elsewhere in their home (dotfiles). The targets are
 * hidden, too. Other directories are not checked, since reading every entry takes time at each start.
 */
export const LINKED_SECRETS: readonly string[] =
  ".ssh, .gnupg, .aws, .azure, .kube, .docker, .config/gh, .config/gcloud, .config/rclone, .config/sops, .config/age, .config/helm, .config/aerc, .mutt, .config/neomutt".split(
    ", ",
  );

/**
 * Names in /tmp and in the directories of {@link TEMPORARY_DIRECTORIES}: sockets of agents, displays and
 * terminals, and tickets.
 */
export const SECRETS_IN_TMP: readonly string[] =
  "ssh-*, tmux-*, screens, gpg-*, keyring-*, dbus-*, .X11-unix, .ICE-unix, .Xauth*, xauth_*, krb5cc*, vscode-ssh-auth-*".split(
    ", ",
  );

/** Variables with a directory that replaces /tmp. */
export const TEMPORARY_DIRECTORIES: readonly string[] = ["TMPDIR", "TMUX_TMPDIR"];

/** Variables with a directory that can have the same contents as a home. */
export const OTHER_HOMES: readonly string[] = [
  "SNAP_REAL_HOME",
  "GEMINI_CLI_HOME",
  "CF_HOME",
  "DOTNET_CLI_HOME",
  "ZDOTDIR",
];

/** Variables with a directory that replaces one in a home (XDG base directory specification). */
export const MOVED_DIRECTORIES: Readonly<Record<string, string>> = {
  XDG_CONFIG_HOME: ".config",
  XDG_DATA_HOME: ".local/share",
  XDG_STATE_HOME: ".local/state",
  XDG_CACHE_HOME: ".cache",
  ANDROID_USER_HOME: ".android",
  BORG_CONFIG_DIR: ".config/borg",
  BUNDLE_USER_HOME: ".bundle",
  CARGO_HOME: ".cargo",
  CLAUDE_CONFIG_DIR: ".claude",
  CODEX_HOME: ".codex",
  COMPOSER_HOME: ".config/composer",
  COPILOT_HOME: ".copilot",
  DBT_PROFILES_DIR: ".dbt",
  GRADLE_USER_HOME: ".gradle",
  HEX_HOME: ".hex",
  HF_HOME: ".cache/huggingface",
  IPYTHONDIR: ".ipython",
  POETRY_CONFIG_DIR: ".config/pypoetry",
  PULUMI_HOME: ".pulumi",
  VAGRANT_HOME: ".vagrant.d",
};

/**
 * Variables with the path of a secret, or with several, separated by colons. Other variables are recognized
 * by their names (isSecretName).
 */
export const NAMED_SECRETS: readonly string[] = [
  "GNUPGHOME",
  "PASSWORD_STORE_DIR",
  "GOPASS_HOMEDIR",
  "LPASS_HOME",
  "OP_CONFIG_DIR",
  "BITWARDENCLI_APPDATA_DIR",
  "SOPS_AGE_KEY_FILE",
  "XAUTHORITY",
  "ICEAUTHORITY",
  "PULSE_COOKIE",
  "SCREENDIR",
  "KRB5CCNAME",
  "AWS_CONFIG_FILE",
  "AWS_SHARED_CREDENTIALS_FILE",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "AZURE_CONFIG_DIR",
  "GOOGLE_APPLICATION_CREDENTIALS",
  "CLOUDSDK_CONFIG",
  "KUBECONFIG",
  "OCI_CLI_CONFIG_FILE",
  "OS_CLIENT_CONFIG_FILE",
  "RCLONE_CONFIG",
  "BOTO_CONFIG",
  "BORG_KEYS_DIR",
  "HCLOUD_CONFIG",
  "ARGOCD_CONFIG_DIR",
  "DATABRICKS_CONFIG_FILE",
  "SNOWFLAKE_HOME",
  "TF_CLI_CONFIG_FILE",
  "VAULT_CONFIG_PATH",
  "TUNNEL_ORIGIN_CERT",
  "DOCKER_CONFIG",
  "DOCKER_CERT_PATH",
  "REGISTRY_AUTH_FILE",
  "HELM_REGISTRY_CONFIG",
  "HELM_REPOSITORY_CONFIG",
  "GH_CONFIG_DIR",
  "GLAB_CONFIG_DIR",
  "NETRC",
  "NPM_CONFIG_USERCONFIG",
  "PIP_CONFIG_FILE",
  "UV_CREDENTIALS_DIR",
  "BUNDLE_USER_CONFIG",
  "PGPASSFILE",
  "PGSERVICEFILE",
  "MYSQL_TEST_LOGIN_FILE",
  "KAGGLE_CONFIG_DIR",
  "JUPYTER_CONFIG_DIR",
  "JUPYTER_RUNTIME_DIR",
  "WANDB_CONFIG_DIR",
  "MODAL_CONFIG_PATH",
  "HISTFILE",
  "LESSHISTFILE",
  "PYTHON_HISTORY",
  "NODE_REPL_HISTORY",
  "PSQL_HISTORY",
  "MYSQL_HISTFILE",
  "SQLITE_HISTORY",
  "REDISCLI_HISTFILE",
];
