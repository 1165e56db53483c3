/** `brun login`, `brun logout`: logins to registries, saved where podman saves them. */
import { BrunError } from "../errors.ts";
import { type Credentials, credentialsFor, removeLogin, saveLogin } from "../image/registry/credentials.ts";
import { registryHost, tryLogin } from "../image/registry/login.ts";
import { ask, askHidden, passwordInStdin } from "./ask.ts";
import { defineCommand } from "./command.ts";
import { print } from "./output.ts";
import { pullFlags } from "./pull-flags.ts";

const { authfile, "tls-verify": tlsVerify } = pullFlags;
const registry = {
  type: "positional",
  required: false,
  description: "its host: docker.io (default), ghcr.io, HOST:PORT",
} as const;

const OTHERS = {
  "cert-dir": "certificates are read from ~/.config/containers/certs.d/HOST:PORT",
  verbose: "where the login is kept is always told",
  v: "where the login is kept is always told",
  secret: "the password is given by --password-stdin",
  "compat-auth-file": "--authfile ~/.docker/config.json",
};

const UNASKED = "-u NAME --password-stdin";

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
  others: OTHERS,
  details: `The login is tried, and kept where podman keeps its own: until the end of the session, in
$XDG_RUNTIME_DIR/containers/auth.json, or in --authfile. If credHelpers or credsStore of that file names a helper,
docker-credential-NAME keeps the login.

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
    const insecure = args["tls-verify"] === false;
    const known = args.username === undefined ? credentialsFor(host, "", args.authfile) : null;
    if (known?.kind === "password" && args.password === undefined && !args["password-stdin"]) {
      if (await isAccepted(host, known, insecure)) {
        print(`logged in to ${host} already, as ${known.username}\n`);
        return 0;
      }
    }
    const username = args.username ?? (await ask("Username: ", host, UNASKED));
    const password =
      args.password ??
      (args["password-stdin"] ? passwordInStdin() : await askHidden("Password: ", host, UNASKED));
    if (username === "" || password === "")
      throw new BrunError("a login needs a user name and a password", {
        code: "ERR_USAGE",
        hint: UNASKED,
      });
    await tryLogin(host, { kind: "password", username, password }, insecure);
    const path = saveLogin(host, username, password, args.authfile);
    print(`logged in to ${host}, which ${path} remembers\n`);
    return 0;
  },
});

/** Whether a registry accepts a login that is kept. Throws a BrunError if it cannot be asked. */
async function isAccepted(host: string, known: Credentials, insecure: boolean): Promise<boolean> {
  try {
    await tryLogin(host, known, insecure);
    return true;
  } catch (error) {
    if (error instanceof BrunError && error.code === "ERR_UNAUTHORIZED") return false;
    throw error;
  }
}

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
