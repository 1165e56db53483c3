import { expect, test } from "bun:test";
import { isSecretVariable } from "./secret-variables.ts";

const SECRET = `GITHUB_TOKEN GH_TOKEN NPM_TOKEN NODE_AUTH_TOKEN NPMTOKEN CI_JOB_TOKEN token SLACK_BOT_TOKEN_2 AWS_SECRET_ACCESS_KEY
  AWS_ACCESS_KEY_ID AWS_SESSION_TOKEN CLIENT_SECRET BW_CLIENTSECRET DB_PASSWORD PGPASSWORD RESTIC_PASSWORD MYSQL_PWD DB_PWD SSHPASS
  DB_PASS ANSIBLE_BECOME_PASS BW_SESSION OP_SESSION_my OP_SERVICE_ACCOUNT_TOKEN DOCKER_AUTH_CONFIG REDISCLI_AUTH CONSUL_HTTP_AUTH
  OPENAI_API_KEY ANTHROPIC_API_KEY GEMINI_APIKEY STRIPE_KEY APP_KEY SIGNING_KEY SECRET_KEY_BASE RAILS_MASTER_KEY SSH_PRIVATE_KEY
  AZURE_STORAGE_CONNECTION_STRING SENTRY_DSN SLACK_WEBHOOK_URL ERLANG_COOKIE APP_JWT AZURE_DEVOPS_PAT GOOGLE_CREDENTIALS KEY
  SSH_AUTH_SOCK GPG_AGENT_INFO XAUTHORITY DBUS_SESSION_BUS_ADDRESS KRB5CCNAME WALLET_MNEMONIC WIFI_PSK VAULT_PASSPHRASE`;

const INNOCENT = `HOME PATH PWD OLDPWD USER LANG LC_ALL TERM SHELL EDITOR PAGER DISPLAY WAYLAND_DISPLAY XDG_SESSION_ID XDG_RUNTIME_DIR
  DESKTOP_SESSION SESSION_MANAGER TERM_SESSION_ID SSH_CONNECTION SSH_CLIENT SSH_TTY GPG_TTY GPG_KEY GIT_ASKPASS SSH_ASKPASS
  SUDO_ASKPASS PASSWORD_STORE_DIR TOKENIZERS_PARALLELISM MAX_TOKENS CLAUDE_CODE_MAX_OUTPUT_TOKENS KEYMAP KEYTIMEOUT XKB_DEFAULT_LAYOUT
  GTK_KEY_THEME CACHE_KEY SSH_PUBLIC_KEY MONKEY COMPASS BYPASS JAVA_HOME GOPATH CARGO_HOME AUTHOR GIT_AUTHOR_NAME PYTHONPATH
  PKG_CONFIG_PATH MAKEFLAGS CI GITHUB_REPOSITORY NODE_ENV PATTERN DATABASE_HOST PINENTRY_USER_DATA TOKYO SECRETARY`;

test.each(SECRET.split(/\s+/))("%s is hidden", (name) => {
  expect(isSecretVariable(name, "x")).toBe(true);
});

test.each(INNOCENT.split(/\s+/))("%s is not", (name) => {
  expect(isSecretVariable(name, "x")).toBe(false);
});

const letters = (n: number) => "aB3".repeat(n).slice(0, n);

test.each([
  "postgres://me:pw@db/x",
  "redis://:pw@cache:6379/0",
  `eyJ${letters(20)}.eyJ${letters(30)}.${letters(20)}`,
  "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl",
  `ghp_${letters(36)}`,
  `github_pat_${letters(40)}`,
  `glpat-${letters(20)}`,
  `sk-ant-${letters(40)}`,
  `xoxb-${letters(30)}`,
  "AKIAABCDEFGHIJKLMNOP",
])("a variable of any name with the value %s is hidden", (value) => {
  expect(isSecretVariable("X", value)).toBe(true);
});

test.each([
  "https://example.org/a@b",
  "git@github.com:a/b.git",
  "http://proxy:3128",
  "sk-short",
  "/home/dev/.sk",
  "eyJ",
  "2026-11-30",
  "0123456789abcdef0123456789abcdef01234567",
])("with the value %s it is not", (value) => {
  expect(isSecretVariable("X", value)).toBe(false);
});
