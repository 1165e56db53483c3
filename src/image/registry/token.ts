/** Authentication to a registry (distribution-spec; RFC 9110, RFC 6750; Docker's token specification). */
import { BrunError } from "../../errors.ts";
import { quoted } from "../../printable.ts";
import { parseJson } from "../../spec/json.ts";
import { fromUtf8, utf8 } from "../../sys/utf8.ts";
import type { Credentials } from "./credentials.ts";
import { request, smallBody } from "./http.ts";
import type { TlsOptions } from "./tls.ts";

/** A challenge in a WWW-Authenticate header. */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Parses a WWW-Authenticate header. Malformed parts are skipped. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  const pattern = /\s*,?\s*([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/gy;
  for (let match = pattern.exec(header); match !== null && match[0] !== ""; match = pattern.exec(header)) {
    const [, word, inQuotes, plain] = match;
    if (inQuotes === undefined && plain === undefined)
      challenges.push({ scheme: word!.toLowerCase(), parameters: {} });
    else {
      const last = challenges.at(-1);
      if (last === undefined) continue;
      const value = inQuotes?.replace(/\\(.)/g, "$1") ?? plain ?? "";
      challenges[challenges.length - 1] = {
        ...last,
        parameters: { ...last.parameters, [word!.toLowerCase()]: value },
      };
    }
  }
  return challenges;
}

/** Token services whose domain differs from the registry's. */
const KNOWN_REALMS: Readonly<Record<string, readonly string[]>> = {
  "registry-1.docker.io": ["auth.docker.io"],
  "lscr.io": ["ghcr.io"],
  "registry.access.redhat.com": ["registry.redhat.io", "sso.redhat.com"],
  "registry.redhat.io": ["sso.redhat.com"],
};

/** Suffixes under which anyone can register a name. A site has one label more there. */
const SHARED =
  /^(?:(?:co|com|org|net|gov|ac|edu)\.[a-z]{2}|(?:github|gitlab|azurecr)\.io|amazonaws\.com|cloudfront\.net|herokuapp\.com|pages\.dev|web\.app|appspot\.com)$/;

/** The part of a host's name that belongs to one owner: "example.com" of "registry.example.com". */
function site(host: string): string {
  if (/^[\d.]+$/.test(host) || host.includes(":")) return host;
  const labels = host.split(".");
  const two = labels.slice(-2).join(".");
  return SHARED.test(two) ? labels.slice(-3).join(".") : two;
}

/** Whether an address belongs to the machine's own services, above all cloud metadata. */
export function isLinkLocal(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  return (
    /^169\.254\./.test(host) ||
    /^fe[89ab][0-9a-f]:/.test(host) ||
    /^(?:::ffff:)169\.254\./.test(host) ||
    host === "metadata.google.internal" ||
    host === "fd00:ec2::254"
  );
}

/**
 * Checks the address of a registry's token service, to which credentials are sent. Otherwise a malicious
 * registry could name the token service of another registry, or an internal service (CVE-2020-15157).
 * @param registry host of the registry, with its port
 * @param plain the registry is accessed without TLS
 * @throws BrunError (ERR_UNAUTHORIZED) if no credentials may be sent there
 */
export function checkRealm(realm: string, registry: string, plain: boolean): URL {
  const refuse = (why: string) =>
    new BrunError(`${registry} sends logins to ${quoted(realm)}, ${why}`, {
      code: "ERR_UNAUTHORIZED",
      hint: "nothing was sent there",
    });
  let url: URL;
  try {
    url = new URL(realm);
  } catch {
    throw refuse("which is no address");
  }
  if (url.protocol !== "https:" && !(plain && url.protocol === "http:"))
    throw refuse("which is not protected by TLS");
  if (url.username !== "" || url.password !== "") throw refuse("which has a password in it");
  if (isLinkLocal(url.hostname)) throw refuse("which is an address of the machine's own services");
  const host = registry.replace(/:\d+$/, "");
  const known = KNOWN_REALMS[registry]?.includes(url.hostname) === true;
  if (!known && site(url.hostname) !== site(host)) throw refuse("which is somebody else's");
  return url;
}

const TOKEN_MAX = 1 << 20;

/**
 * Requests a token.
 * @param credentials null for an anonymous request
 * @throws BrunError (ERR_UNAUTHORIZED) if the service refuses
 */
export async function fetchToken(
  realm: URL,
  { service, scopes }: { readonly service: string | undefined; readonly scopes: readonly string[] },
  credentials: Credentials | null,
  tls: TlsOptions,
  signal: AbortSignal | undefined,
): Promise<string> {
  const where = realm.host;
  let response: Response;
  if (credentials?.kind === "identity token") {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: "brun",
      refresh_token: credentials.token,
    });
    if (scopes.length > 0) form.set("scope", scopes.join(" "));
    if (service !== undefined) form.set("service", service);
    response = await request({
      url: realm.href,
      method: "POST",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: form.toString(),
      tls,
      signal,
    });
  } else {
    const url = new URL(realm);
    if (service !== undefined) url.searchParams.set("service", service);
    for (const scope of scopes) url.searchParams.append("scope", scope);
    if (credentials !== null) url.searchParams.set("account", credentials.username);
    const headers = credentials === null ? {} : { Authorization: basic(credentials) };
    response = await request({ url: url.href, headers, tls, signal });
  }
  if (response.status === 401 || response.status === 403) {
    throw new BrunError(`${where} ${credentials === null ? "wants a login" : "refuses this login"}`, {
      code: "ERR_UNAUTHORIZED",
      where,
    });
  }
  if (!response.ok)
    throw new BrunError(`${where} answers ${response.status} when asked for a token`, {
      code: "ERR_NETWORK",
      where,
    });
  const json = parseJson(fromUtf8(await smallBody(response, TOKEN_MAX, where)), where) as Record<
    string,
    unknown
  >;
  const token = json.token ?? json.access_token;
  if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new BrunError(`${where} answers without a token`, { code: "ERR_NETWORK", where });
}

/** The value of an Authorization header for a password. */
export function basic(credentials: Credentials): string {
  if (credentials.kind !== "password") throw new TypeError("a token is no password");
  return `Basic ${Buffer.from(utf8(`${credentials.username}:${credentials.password}`)).toString("base64")}`;
}
