/**
 * Logins to registries: podman's containers-auth.json(5), docker's config.json, and credential helpers. They
 * are stored in podman's format.
 */

import { callerIdentity } from "../../container/state/root.ts";
import { BrunError } from "../../errors.ts";
import { parseJson } from "../../spec/json.ts";
import { variable } from "../../sys/environment.ts";
import { mkdirAll, readTextIfThere, replaceFile } from "../../sys/fs.ts";
import { fromUtf8, utf8 } from "../../sys/utf8.ts";
import {
  forgetByHelper,
  type Helper,
  helperProgram,
  keepByHelper,
  loginOfHelper,
} from "./credential-helper.ts";
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

/** The helper for a registry: its own, otherwise that of the whole file. */
function helperOf(json: AuthFile, domain: string): Helper | null {
  return ownHelper(json, domain) ?? storeOf(json, domain === "docker.io" ? DOCKER_KEY : domain);
}

/** The helper that a file names for this registry alone. */
function ownHelper({ credHelpers }: AuthFile, domain: string): Helper | null {
  for (const server of domain === "docker.io" ? [domain, DOCKER_KEY] : [domain]) {
    const name = credHelpers?.[server];
    if (typeof name === "string") return { name, server };
  }
  return null;
}

/** The helper of a whole file. */
function storeOf({ credsStore: name }: AuthFile, server: string): Helper | null {
  return typeof name === "string" && name !== "" ? { name, server } : null;
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
    const kept = loginBy(ownHelper(json, domain));
    if (kept !== null) return kept;
    for (const key of keys(domain, path)) {
      const found = json.auths?.[key];
      if (found === undefined) continue;
      const credentials = decode(found, `${file}: ${key}`);
      if (credentials !== null) return credentials;
    }
    const stored = loginBy(storeOf(json, domain === "docker.io" ? DOCKER_KEY : domain));
    if (stored !== null) return stored;
  }
  return null;
}

function loginBy(helper: Helper | null): Credentials | null {
  return helper === null ? null : loginOfHelper(helper);
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

/** Stores a login. Returns the path of the file, or the helper's program. Throws a BrunError or SysError. */
export function saveLogin(
  domain: string,
  username: string,
  password: string,
  authFile: string | undefined,
): string {
  const path = authFile ?? ownAuthFile();
  const helper = helperOf(readAuthFile(path) ?? {}, domain);
  if (helper !== null) keepByHelper(helper, username, password);
  const auth = Buffer.from(utf8(`${username}:${password}`)).toString("base64");
  change(path, (json) => {
    // As docker does, the file lists the logins that a helper keeps.
    json.auths = { ...json.auths, [helper?.server ?? domain]: helper === null ? { auth } : {} };
  });
  return helper === null ? path : helperProgram(helper);
}

/**
 * Removes a login, or all logins if `domain` is null. Returns whether there was one. Throws a BrunError or
 * SysError.
 */
export function removeLogin(domain: string | null, authFile: string | undefined): boolean {
  const path = authFile ?? ownAuthFile();
  if (readTextIfThere(path) === null) return false;
  const there = readAuthFile(path) ?? {};
  let removed = false;
  for (const helper of helpersFor(there, domain)) if (forgetByHelper(helper)) removed = true;
  change(path, (json) => {
    for (const key of Object.keys(json.auths ?? {})) {
      if (domain !== null && !keys(domain, "").includes(key)) continue;
      // The login of an empty entry is kept by a helper.
      removed ||= Object.keys(json.auths![key] ?? {}).length > 0;
      delete json.auths![key];
    }
  });
  return removed;
}

/** The helpers that may keep the login of a registry, or, if `domain` is null, any of the file's logins. */
function helpersFor(json: AuthFile, domain: string | null): Helper[] {
  if (domain !== null) return [helperOf(json, domain) ?? []].flat();
  const own = Object.entries(json.credHelpers ?? {}).flatMap(([server, name]) =>
    typeof name === "string" ? [{ name, server }] : [],
  );
  return [...own, ...Object.keys(json.auths ?? {}).flatMap((server) => storeOf(json, server) ?? [])];
}

function change(path: string, edit: (json: AuthFile) => void): void {
  const json = readAuthFile(path) ?? {};
  edit(json);
  mkdirAll(path.slice(0, path.lastIndexOf("/")) || "/");
  replaceFile(path, `${JSON.stringify(json, null, "\t")}\n`, 0o600, true);
}
