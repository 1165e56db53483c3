/**
 * Logins to registries: podman's containers-auth.json(5), docker's config.json, and credential helpers. They
 * are stored in podman's format.
 */

import { callerIdentity } from "../../container/state/root.ts";
import { BrunError } from "../../errors.ts";
import { findProgram } from "../../host/find-program.ts";
import { printable, quoted } from "../../printable.ts";
import { parseJson } from "../../spec/json.ts";
import { environmentStrings, variable } from "../../sys/environment.ts";
import { mkdirAll, readTextIfThere, replaceFile } from "../../sys/fs.ts";
import { run } from "../../sys/spawn.ts";
import { fromUtf8, utf8 } from "../../sys/utf8.ts";
import { ownText } from "./own-file.ts";

/** A user with a password, or a token with which other tokens are requested. */
export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  | { readonly kind: "identity token"; readonly token: string };

interface AuthFile {
  auths?: Record<string, { auth?: unknown; identitytoken?: unknown }>;
  credHelpers?: Record<string, unknown>;
  credsStore?: unknown;
}

/** The key of docker's own registry in docker's files. */
const DOCKER_KEY = "https://index.docker.io/v1/";

/** The file in which podman stores logins. */
function ownAuthFile(): string {
  const given = variable("REGISTRY_AUTH_FILE");
  if (given) return given;
  const runtime = variable("XDG_RUNTIME_DIR");
  if (runtime?.startsWith("/")) return `${runtime}/containers/auth.json`;
  if (callerIdentity().euid === 0) return "/run/containers/0/auth.json";
  return `${variable("HOME") ?? ""}/.config/containers/auth.json`;
}

function authFiles(given: string | undefined): string[] {
  if (given !== undefined) return [given];
  if (variable("REGISTRY_AUTH_FILE")) return [ownAuthFile()];
  const home = variable("HOME") ?? "";
  const config = variable("XDG_CONFIG_HOME") || `${home}/.config`;
  const docker = variable("DOCKER_CONFIG") || `${home}/.docker`;
  return [ownAuthFile(), `${config}/containers/auth.json`, `${docker}/config.json`];
}

function readAuthFile(path: string): AuthFile | null {
  const text = ownText(path);
  if (text === null || text.trim() === "") return null;
  const json = parseJson(text, path);
  if (typeof json !== "object" || json === null)
    throw new BrunError(`${path} is no JSON object`, { code: "ERR_CONFIG", where: path });
  return json as AuthFile;
}

/** The keys under which a login may be stored: the repository, its parents, and the host. */
function keys(domain: string, path: string): string[] {
  const parts = path === "" ? [] : path.split("/");
  const below = parts.map((_, i) => `${domain}/${parts.slice(0, parts.length - i).join("/")}`);
  const hosts = [domain, `https://${domain}`, `https://${domain}/v1/`, `https://${domain}/v2/`];
  return [
    ...below,
    ...hosts,
    ...(domain === "docker.io" ? [DOCKER_KEY, "index.docker.io", "registry-1.docker.io"] : []),
  ];
}

/**
 * The credentials for a repository; null if there are none.
 * @param authFile --authfile
 * @throws BrunError if a file or a helper is faulty
 */
export function credentialsFor(
  domain: string,
  path: string,
  authFile: string | undefined,
): Credentials | null {
  if (authFile !== undefined && readTextIfThere(authFile) === null) {
    throw new BrunError(`there is no file ${authFile}`, { code: "ENOENT", where: `--authfile ${authFile}` });
  }
  for (const file of authFiles(authFile)) {
    const json = readAuthFile(file);
    if (json === null) continue;
    const helper =
      json.credHelpers?.[domain] ?? (domain === "docker.io" ? json.credHelpers?.[DOCKER_KEY] : undefined);
    if (typeof helper === "string") {
      const found = askHelper(helper, domain === "docker.io" ? DOCKER_KEY : domain);
      if (found !== null) return found;
    }
    for (const key of keys(domain, path)) {
      const found = json.auths?.[key];
      if (found === undefined) continue;
      const credentials = decode(found, `${file}: ${key}`);
      if (credentials !== null) return credentials;
    }
    if (typeof json.credsStore === "string" && json.credsStore !== "") {
      const found = askHelper(json.credsStore, domain === "docker.io" ? DOCKER_KEY : domain);
      if (found !== null) return found;
    }
  }
  return null;
}

function decode(
  { auth, identitytoken }: { auth?: unknown; identitytoken?: unknown },
  where: string,
): Credentials | null {
  if (typeof identitytoken === "string" && identitytoken !== "")
    return { kind: "identity token", token: identitytoken };
  if (typeof auth !== "string" || auth === "") return null;
  const text = fromUtf8(new Uint8Array(Buffer.from(auth, "base64"))).replace(/\0+$/, "");
  const colon = text.indexOf(":");
  if (colon < 0)
    throw new BrunError(`${where} is no name and password in base64`, { code: "ERR_CONFIG", where });
  return { kind: "password", username: text.slice(0, colon), password: text.slice(colon + 1) };
}

const HELPER_TIMEOUT = 30_000;

/** Asks a helper by the protocol of docker-credential-helpers: the server on stdin, JSON on stdout. */
function askHelper(name: string, server: string): Credentials | null {
  if (!/^[\w.-]+$/.test(name))
    throw new BrunError(`${quoted(name)} is no name of a credential helper`, { code: "ERR_CONFIG" });
  const program = `docker-credential-${name}`;
  const path = findProgram(program);
  if (path === null) {
    throw new BrunError(`${program} is not found, which has the login of ${server}`, {
      code: "ENOENT",
      hint: "install it, or take credHelpers and credsStore out of the file",
    });
  }
  const result = run(
    { path, argv: [program, "get"], env: environmentStrings(), processGroup: true },
    server,
    HELPER_TIMEOUT,
  );
  if (result.code !== 0 || result.signal !== 0) {
    if (/not found|no credentials/i.test(result.output)) return null;
    throw new BrunError(`${program} failed: ${printable(result.output.trim().split("\n")[0] ?? "")}`, {
      code: "ERR_UNAUTHORIZED",
      hint: `it has the login of ${server}`,
    });
  }
  const json = parseJson(result.output, program) as { Username?: unknown; Secret?: unknown };
  const { Username: username, Secret: secret } = json;
  if (typeof username !== "string" || typeof secret !== "string")
    throw new BrunError(`${program} printed no user name and secret`, { code: "ERR_UNAUTHORIZED" });
  return username === "<token>"
    ? { kind: "identity token", token: secret }
    : { kind: "password", username, password: secret };
}

/** Stores a login. Returns the path of the file. Throws a BrunError or SysError. */
export function saveLogin(
  domain: string,
  username: string,
  password: string,
  authFile: string | undefined,
): string {
  const path = authFile ?? ownAuthFile();
  change(path, (json) => {
    json.auths = {
      ...json.auths,
      [domain]: { auth: Buffer.from(utf8(`${username}:${password}`)).toString("base64") },
    };
  });
  return path;
}

/**
 * Removes a login, or all logins if `domain` is null. Returns whether there was one. Throws a BrunError or
 * SysError.
 */
export function removeLogin(domain: string | null, authFile: string | undefined): boolean {
  let removed = false;
  const path = authFile ?? ownAuthFile();
  if (readTextIfThere(path) === null) return false;
  change(path, (json) => {
    for (const key of Object.keys(json.auths ?? {})) {
      if (domain !== null && !keys(domain, "").includes(key)) continue;
      delete json.auths![key];
      removed = true;
    }
  });
  return removed;
}

function change(path: string, edit: (json: AuthFile) => void): void {
  const json = readAuthFile(path) ?? {};
  edit(json);
  mkdirAll(path.slice(0, path.lastIndexOf("/")) || "/");
  replaceFile(path, `${JSON.stringify(json, null, "\t")}\n`, 0o600, true);
}
