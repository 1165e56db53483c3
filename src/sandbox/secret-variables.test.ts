import { expect, test } from "bun:test";
import { isSecretVariable } from "./secret-variables.ts";

const SECRET = `GITHUB_TOKEN GH_TOKEN NPM_TOKEN NODE_AUTH_TOKEN NPMTOKEN CI_JOB_TOKEN token SLACK_BOT_TOKEN_2 AWS_SECRET_ACCESS_KEY
  AWS_ACCESS_KEY_ID AWS_SESSION_TOKEN CLIENT_SECRET BW_CLIENTSECRET DB_PASSWORD PGPASSWORD RESTIC_PASSWORD MYSQL_PWD DB_PWD SSHPASS
  DB_PASS ANSIBLE_BECOME_PASS BW_SESSION OP_SESSION_my OP_SERVICE_ACCOUNT_TOKEN DOCKER_AUTH_CONFIG REDISCLI_AUTH CONSUL_HTTP_AUTH
  OPENAI_API_KEY ANTHROPIC_API_KEY GEMINI_APIKEY STRIPE_KEY APP_KEY SIGNING_KEY SECRET_KEY_BASE RAILS_MASTER_KEY SSH_PRIVATE_KEY
  AZURE_STORAGE_CONNECTION_STRING SENTRY_DSN SLACK_WEBHOOK_URL ERLANG_COOKIE APP_JWT AZURE_DEVOPS_PAT GOOGLE_CREDENTIALS KEY
  SSH_AUTH_SOCK GPG_AGENT_INFO XAUTHORITY DBUS_SESSION_BUS_ADDRESS KRB5CCNAME WALLET_MNEMONIC WIFI_PSK VAULT_PASSPHRASE
  DIRENV_DIFF SESSION_COOKIES AUTH_SALT API_BEARER VAULT_TOKEN_FILE POSTGRES_PASSWORD_FILE`;

const INNOCENT = `HOME PATH PWD OLDPWD USER LANG LC_ALL TERM SHELL EDITOR PAGER DISPLAY WAYLAND_DISPLAY XDG_SESSION_ID XDG_RUNTIME_DIR
  DESKTOP_SESSION SESSION_MANAGER TERM_SESSION_ID SSH_CONNECTION SSH_CLIENT SSH_TTY GPG_TTY GPG_KEY GIT_ASKPASS SSH_ASKPASS
  SUDO_ASKPASS PASSWORD_STORE_DIR TOKENIZERS_PARALLELISM MAX_TOKENS CLAUDE_CODE_MAX_OUTPUT_TOKENS KEYMAP KEYTIMEOUT XKB_DEFAULT_LAYOUT
  GTK_KEY_THEME CACHE_KEY SSH_PUBLIC_KEY MONKEY COMPASS BYPASS JAVA_HOME GOPATH CARGO_HOME AUTHOR GIT_AUTHOR_NAME PYTHONPATH
  PKG_CONFIG_PATH MAKEFLAGS CI GITHUB_REPOSITORY NODE_ENV PATTERN DATABASE_HOST PINENTRY_USER_DATA TOKYO SECRETARY
  JWT_PUBLIC_KEY_PATH`;

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
  `hvs.${letters(24)}`,
  `dckr_pat_${letters(27)}`,
  `Bearer ${letters(30)}`,
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

/** Random values in the environments of desktops, terminals, editors, CI and images. */
const RANDOM: readonly (readonly [string, string])[] = [
  ["INVOCATION_ID", "fa9a8773a3c84b0a94959a2257b8e043"],
  ["MEMORY_PRESSURE_WRITE", "c29tZSAyMDAwMDAgMjAwMDAwMAA="],
  ["GNOME_TERMINAL_SCREEN", "/org/gnome/Terminal/screen/11530a2c_44e2_4d3f_82b6_f0f496db28e5"],
  ["ITERM_SESSION_ID", "w0t0p0:5D1F0A3E-9C0B-4A57-8E4B-2B5C1C7F6D10"],
  ["VSCODE_NONCE", "031dcdd4-c22f-4877-a449-1f01334c4337"],
  ["HOSTNAME", "li-b9f1104c-338e-11b2-a85c-d0ed6b5f92b9.example.com"],
  ["DIRENV_WATCHES", "eJx0zsFqhDAQBuB3mXPWjYmrNrdCe-ilvfVSSplkZtxAVRZjFnbpu1cWhB"],
  ["ATUIN_SESSION", "01890d7f2c6b7c6e9f5a3b1d8e4c7a90"],
  ["MCFLY_SESSION_ID", "cT3kYz0qJm8WvB1nXs7LhP4d"],
  ["GITHUB_SHA", "b152540fd3cc1e9b9a3e0f7a66f3c0a94e6f1d27"],
  ["PYTHON_SHA256", "2a3b6a4c1e8f7d9b0c5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c"],
  [
    "npm_package_integrity",
    "sha512-q4HvNl+mmDdkS0g+MqiBZNteQJCuimWoOyHMy4T/RQLAn9Z29+E91QXRaxOujeMl2HTzRSS0KFPd7lxX3PjV0Q==",
  ],
  ["GPG_KEY", "E3FF2839C048B25C084DEBE9B26995E310250568"],
  ["VSCODE_GIT_ASKPASS_NODE", "/nix/store/bmmjbvb8hishfrg78ygjlynpq3ikpl39-nodejs-20.15.1/bin/node"],
];

/** The Shannon entropy of a text's characters, in bits. */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce((sum, n) => sum - (n / text.length) * Math.log2(n / text.length), 0);
}

test.each(RANDOM)("%s is random, and no secret", (name, value) => {
  // The threshold of detect-secrets for hexadecimal texts.
  expect(entropy(value)).toBeGreaterThan(3);
  expect(isSecretVariable(name, value)).toBe(false);
});
