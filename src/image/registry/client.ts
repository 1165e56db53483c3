/** A repository of a registry (distribution-spec 1.1, "Pulling"). */
import { BrunError } from "../../errors.ts";
import { printable } from "../../printable.ts";
import { fromUtf8 } from "../../sys/utf8.ts";
import { DOCUMENT_MAX, MEDIA } from "../manifest.ts";
import type { Endpoint } from "./conf.ts";
import type { Credentials } from "./credentials.ts";
import { isTlsFailure, request, smallBody } from "./http.ts";
import { type TlsOptions, tlsOptions } from "./tls.ts";
import { basic, checkRealm, fetchToken, isLinkLocal, parseChallenges } from "./token.ts";

const ACCEPT = [MEDIA.manifest, MEDIA.index, MEDIA.dockerManifest, MEDIA.dockerIndex].join(", ");
const REDIRECTS_MAX = 5;

/** A manifest as it was sent. */
export interface FetchedManifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

/** Loopback names: docker speaks to them without TLS, too. */
function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/.test(host);
}

/** Speaks to one repository. */
export class RegistryClient {
  private readonly tls: TlsOptions;
  /** "https" or "http", once that is known. */
  private scheme: string | null = null;
  private authorization: string | null = null;

  /**
   * @param name of the image, for messages
   * @param insecure TLS is not checked, or left out
   */
  constructor(
    private readonly endpoint: Endpoint,
    private readonly name: string,
    private readonly credentials: Credentials | null,
    private readonly insecure: boolean,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.tls = tlsOptions(endpoint.host, insecure || endpoint.insecure);
  }

  /**
   * A manifest, by tag or digest; what it is for is not checked.
   * @throws BrunError (ERR_IMAGE_NOT_FOUND, ERR_UNAUTHORIZED, ERR_NETWORK)
   */
  async manifest(reference: string): Promise<FetchedManifest> {
    const response = await this.get(`manifests/${reference}`, { Accept: ACCEPT });
    if (!response.ok) throw await this.refusal(response, reference);
    const mediaType = (response.headers.get("content-type") ?? "").split(";")[0]!.trim();
    return { bytes: await smallBody(response, DOCUMENT_MAX, this.endpoint.host), mediaType };
  }

  /** The digest that a tag leads to now; null where the registry does not say. Throws as {@link manifest}. */
  async digest(reference: string): Promise<string | null> {
    const response = await this.get(`manifests/${reference}`, { Accept: ACCEPT }, "HEAD");
    if (!response.ok) throw await this.refusal(response, reference);
    return response.headers.get("docker-content-digest");
  }

  /**
   * A blob from one of its bytes on: the answer's status is 206 when the registry begins there, 200 when at the first.
   * @throws BrunError (ERR_IMAGE_NOT_FOUND, ERR_UNAUTHORIZED, ERR_NETWORK)
   */
  async blob(digest: string, from: number): Promise<Response> {
    const range: Record<string, string> = from > 0 ? { Range: `bytes=${from}-` } : {};
    const response = await this.get(`blobs/${digest}`, range);
    if (response.ok || response.status === 416) return response;
    throw await this.refusal(response, digest);
  }

  /** Whether the registry takes the login. Throws a BrunError (ERR_UNAUTHORIZED, ERR_NETWORK). */
  async ping(): Promise<void> {
    const response = await this.get(null, {});
    await response.body?.cancel();
    if (response.status === 401 || response.status === 403) throw this.unauthorized();
    // One that wants no login has not looked at this one.
    if (!response.ok) throw this.wrong(`answers ${response.status}`);
  }

  /** @param path below the repository; null for the registry itself */
  private async get(path: string | null, headers: Record<string, string>, method = "GET"): Promise<Response> {
    const first = await this.send(path, headers, method);
    if (first.status !== 401) return first;
    await first.body?.cancel();
    await this.authorize(first.headers.get("www-authenticate") ?? "");
    return this.send(path, headers, method);
  }

  private async send(
    path: string | null,
    headers: Record<string, string>,
    method: string,
  ): Promise<Response> {
    const scheme = await this.findScheme();
    const below = path === null ? "" : `${this.endpoint.repository}/${path}`;
    let url = new URL(`${scheme}://${this.endpoint.host}/v2/${below}`);
    const { origin } = url;
    for (let redirects = 0; ; redirects++) {
      const own =
        url.origin === origin && this.authorization !== null ? { Authorization: this.authorization } : {};
      const response = await request({
        url: url.href,
        method,
        headers: { ...headers, ...own },
        tls: url.origin === origin ? this.tls : tlsOptions(url.host, this.insecure),
        signal: this.signal,
      });
      const location = response.headers.get("location");
      if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
      await response.body?.cancel();
      if (redirects === REDIRECTS_MAX) throw this.wrong("redirects without end");
      url = this.redirected(location, url);
    }
  }

  /** Where a redirect may lead: not out of TLS, and not to the machine's own services. */
  private redirected(location: string, from: URL): URL {
    let to: URL;
    try {
      to = new URL(location, from);
    } catch {
      throw this.wrong("redirects to what is no address");
    }
    if (to.protocol !== "https:" && !(from.protocol === "http:" && to.protocol === "http:")) {
      throw this.wrong("redirects to an address without TLS");
    }
    if (isLinkLocal(to.hostname)) throw this.wrong("redirects to an address of the machine's own services");
    return to;
  }

  /** https, or http where that is allowed and there is nothing else. */
  private async findScheme(): Promise<string> {
    if (this.scheme !== null) return this.scheme;
    const { host, insecure } = this.endpoint;
    if (!insecure && !this.insecure && !isLoopback(host)) {
      this.scheme = "https";
      return this.scheme;
    }
    try {
      const response = await request({ url: `https://${host}/v2/`, tls: this.tls, signal: this.signal });
      await response.body?.cancel();
      this.scheme = "https";
    } catch (error) {
      if (this.signal?.aborted) throw error;
      // A certificate that nobody vouches for is a server with TLS: it is not spoken to in the clear instead.
      if (
        isTlsFailure(error) &&
        /issuer|self.signed|altname|expired|verify/i.test(String((error as BrunError).message))
      )
        throw error;
      this.scheme = "http";
    }
    return this.scheme;
  }

  private async authorize(header: string): Promise<void> {
    const challenges = parseChallenges(header);
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    const { credentials, endpoint } = this;
    if (bearer !== undefined) {
      const { realm = "", service, scope } = bearer.parameters;
      const url = checkRealm(realm, endpoint.host, this.scheme === "http");
      const own = endpoint.repository === "" ? undefined : `repository:${endpoint.repository}:pull`;
      // What a registry says that it takes may be more than a pull needs.
      const asked = { service, scope: own ?? scope };
      try {
        this.authorization = `Bearer ${await fetchToken(url, asked, credentials, this.tls, this.signal)}`;
      } catch (error) {
        throw error instanceof BrunError && error.code === "ERR_UNAUTHORIZED" ? this.unauthorized() : error;
      }
      return;
    }
    if (!challenges.some(({ scheme }) => scheme === "basic"))
      throw this.wrong("wants a login in a way that brun does not know");
    if (credentials?.kind !== "password") throw this.unauthorized();
    this.authorization = basic(credentials);
  }

  private unauthorized(): BrunError {
    const { host } = this.endpoint;
    const known = this.credentials !== null;
    return new BrunError(
      known
        ? `${host} refuses your login for ${this.name}`
        : `${host} wants a login for ${this.name}, or there is no such image`,
      {
        code: "ERR_UNAUTHORIZED",
        hint: `brun login ${host === "registry-1.docker.io" ? "docker.io" : host}`,
      },
    );
  }

  private wrong(what: string): BrunError {
    return new BrunError(what, { code: "ERR_NETWORK", where: this.endpoint.host });
  }

  /** What an answer that is none means for a person. */
  private async refusal(response: Response, reference: string): Promise<BrunError> {
    const { host, repository } = this.endpoint;
    const { status } = response;
    const [code, message] = await errorOf(response, host);
    if (status === 401 || status === 403) return this.unauthorized();
    if (status === 429) {
      return new BrunError(`${host} allows no more downloads for now`, {
        code: "ERR_NETWORK",
        hint: "wait, log in, or name a mirror in registries.conf ([[registry.mirror]])",
      });
    }
    if (status !== 404) return this.wrong(`answers ${status}${message === "" ? "" : `: ${message}`}`);
    const what = reference.includes(":") ? `with the digest ${reference}` : `with the tag ${reference}`;
    if (code === "NAME_UNKNOWN") {
      return new BrunError(`${host} has no repository ${repository}`, {
        code: "ERR_IMAGE_NOT_FOUND",
        hint: "is its name right?",
      });
    }
    return new BrunError(`${host}/${repository} has no image ${what}`, {
      code: "ERR_IMAGE_NOT_FOUND",
      hint: "the registry's pages list its tags",
    });
  }
}

/** The first error of a registry's answer: its code and message, as text for people. */
async function errorOf(response: Response, where: string): Promise<readonly [code: string, message: string]> {
  try {
    const json = JSON.parse(fromUtf8(await smallBody(response, 65536, where))) as {
      errors?: { code?: unknown; message?: unknown }[];
    };
    const first = json.errors?.[0];
    return [String(first?.code ?? ""), printable(String(first?.message ?? "").slice(0, 200))];
  } catch {
    return ["", ""];
  }
}
