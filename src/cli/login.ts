/** `brun login`, `brun logout`: logins to registries, saved where podman saves them. */
import { createInterface } from "node:readline";
import { ECHO, restoreTerminal, withoutModes } from "../container/io/terminal.ts";
import { BrunError } from "../errors.ts";
import { credentialsFor, removeLogin, saveLogin } from "../image/registry/credentials.ts";
import { registryHost, tryLogin } from "../image/registry/login.ts";
import { readFd } from "../sys/fs.ts";
import { fromUtf8 } from "../sys/utf8.ts";
import { defineCommand } from "./command.ts";
import { isTerminal, print, printError } from "./output.ts";
import { pullFlags } from "./pull-flags.ts";

const { authfile, "tls-verify": tlsVerify } = pullFlags;
const registry = {
  type: "positional",
  required: false,
  description: "its host: docker.io (default), ghcr.io, HOST:PORT",
} as const;

export const login = defineCommand({
  meta: { name: "login", description: "log in to a registry of images" },
  args: {
    registry,
    username: {
      type: "string",
      alias: "u",
      valueHint: "name",
      description: "user name (default: ask on the terminal)",
    },
    password: {
      type: "string",
      alias: "p",
      valueHint: "password",
      description: "others can see it in ps: --password-stdin is better",
    },
    "password-stdin": { type: "boolean", description: "read the password from stdin" },
    "get-login": { type: "boolean", description: "print who is logged in, and end" },
    authfile,
    "tls-verify": tlsVerify,
  },
  short: true,
  details: `The login is tried, and kept where podman keeps its own: until the end of the session, in
$XDG_RUNTIME_DIR/containers/auth.json, or in --authfile.

EXAMPLE
  brun login ghcr.io -u me --password-stdin <token`,
  async run({ args }) {
    const host = registryHost(args.registry ?? "docker.io");
    if (args["get-login"]) {
      const known = credentialsFor(host, "", args.authfile);
      if (known === null) throw new BrunError(`not logged in to ${host}`, { code: "ERR_UNAUTHORIZED" });
      print(`${known.kind === "password" ? known.username : "<token>"}\n`);
      return 0;
    }
    if (args.password !== undefined && args["password-stdin"]) {
      throw new BrunError("--password and --password-stdin exclude each other", { code: "ERR_USAGE" });
    }
    const username = args.username ?? (await ask("Username: ", host));
    const password =
      args.password ??
      (args["password-stdin"]
        ? fromUtf8(readFd(0, "stdin")).replace(/\r?\n$/, "")
        : await askHidden("Password: ", host));
    if (username === "" || password === "")
      throw new BrunError("a login needs a user name and a password", {
        code: "ERR_USAGE",
        hint: "-u NAME --password-stdin",
      });
    await tryLogin(host, { kind: "password", username, password }, args["tls-verify"] === false);
    const path = saveLogin(host, username, password, args.authfile);
    print(`logged in to ${host}, which ${path} remembers\n`);
    return 0;
  },
});

export const logout = defineCommand({
  meta: { name: "logout", description: "forget the login to a registry" },
  args: {
    registry,
    all: { type: "boolean", alias: "a", description: "all logins" },
    authfile,
  },
  run({ args }) {
    const host = args.all ? null : registryHost(args.registry ?? "docker.io");
    if (!removeLogin(host, args.authfile)) {
      throw new BrunError(host === null ? "there is no login" : `not logged in to ${host}`, {
        code: "ERR_NOT_FOUND",
        hint: "`docker logout` removes a login of docker",
      });
    }
    print(host === null ? "all logins are forgotten\n" : `logged out of ${host}\n`);
    return 0;
  },
});

async function ask(question: string, host: string): Promise<string> {
  if (!isTerminal(0)) {
    throw new BrunError(`cannot ask who logs in to ${host}: there is no terminal`, {
      code: "ERR_USAGE",
      hint: "-u NAME --password-stdin",
    });
  }
  printError(question);
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) return line.trim();
    return "";
  } finally {
    lines.close();
  }
}

async function askHidden(question: string, host: string): Promise<string> {
  const before = withoutModes(0, ECHO);
  if (before === null) return ask(question, host);
  try {
    return await ask(question, host);
  } finally {
    restoreTerminal(0, before);
    printError("\n");
  }
}
