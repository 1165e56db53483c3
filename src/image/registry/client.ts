/**
 * A client for a repository of a registry (distribution-spec 1.1, "Pulling"). No maintained package of npm
 * resumes downloads and decides where a login may be sent.
 */
import { BrunError } from "../../errors.ts";
import { printable } from "../../printable.ts";
import { fromUtf8 } from "../../sys/utf8.ts";
import { DOCUMENT_MAX, MEDIA } from "../manifest.ts";
import type { Endpoint } from "./conf.ts";
import type { Credentials } from "./credentials.ts";
import { isCertificateFailure, isSilence } from "./failure.ts";
import { type HttpRequest, request, smallBody } from "./http.ts";
import { isLoopback } from "./loopback.ts";
import { type TlsOptions, tlsOptions } from "./tls.ts";
import { basic, checkRealm, fetchToken, isLinkLocal, parseChallenges } from "./token.ts";

const ACCEPT = [MEDIA.manifest, MEDIA.index, MEDIA.dockerManifest, MEDIA.dockerIndex].join(", ");
const REDIRECTS_MAX = 5;
/** The maximum number of tags in a message. */
const TAGS_SHOWN = 12;

/** A manifest in its original bytes. */
export interface FetchedManifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

/** The repository of a client, and how the client talks to it. */
export interface ClientOptions {
  readonly endpoint: Endpoint;
  /** The image's name, for messages. */
  readonly name: string;
  readonly credentials: Credentials | null;
  /** Certificates are not checked, and http is allowed. */
  readonly insecure: boolean;
  readonly signal: AbortSignal | undefined;
  /**
   * For a client that pushes: other repositories of the registry from which blobs may be mounted. For a client
   * that only reads: undefined.
   */
  readonly push?: readonly string[];
}

/**
 * A request for a path below the repository (null: for the registry itself), or for an address that the
 * registry has given.
 */
export type Call = ({ readonly path: string | null } | { readonly url: URL }) &
  Pick<HttpRequest, "method" | "body" | "tries"> & { readonly headers?: Readonly<Record<string, string>> };

/** A client for one repository. */
export class RegistryClient {
  readonly endpoint: Endpoint;
  readonly name: string;
  readonly signal: AbortSignal | undefined;
  private readonly credentials: Credentials | null;
  private readonly insecure: boolean;
  private readonly push: readonly string[] | undefined;
  private readonly tls: TlsOptions;
  /** "https" or "http"; null until that is known. */
  private scheme: string | null = null;
  private authorization: string | null = null;

  constructor({ endpoint, name, credentials, insecure, signal, push }: ClientOptions) {
    this.endpoint = endpoint;
    this.name = name;
    this.credentials = credentials;
    this.insecure = insecure;
    this.signal = signal;
    this.push = push;
    this.tls = tlsOptions(endpoint.domain, insecure || endpoint.insecure);
  }

  /**
   * Fetches a manifest by tag or digest. Its content is not checked.
   * @throws BrunError (ERR_IMAGE_NOT_FOUND, ERR_UNAUTHORIZED, ERR_NETWORK)
   */
  async manifest(reference: string): Promise<FetchedManifest> {
    const response = await this.call({ path: `manifests/${reference}`, headers: { Accept: ACCEPT } });
    if (!response.ok) throw await this.refusal(response, reference);
    const mediaType = (response.headers.get("content-type") ?? "").split(";")[0]!.trim();
    return { bytes: await smallBody(response, DOCUMENT_MAX, this.endpoint.host), mediaType };
  }

  /** The current digest of a tag. Null if the registry does not send it. Throws as {@link manifest}. */
  async digest(reference: string): Promise<string | null> {
    const headers = { Accept: ACCEPT };
    const response = await this.call({ path: `manifests/${reference}`, headers, method: "HEAD" });
    if (!response.ok) throw await this.refusal(response, reference);
    return response.headers.get("docker-content-digest");
  }

  /**
   * Requests a blob from an offset on. The answer's status is 206 if the registry begins at the offset, and 200
   * if it begins at the first byte.
   * @throws BrunError (ERR_IMAGE_NOT_FOUND, ERR_UNAUTHORIZED, ERR_NETWORK)
   */
  async blob(digest: string, from: number): Promise<Response> {
    const headers: Record<string, string> = from > 0 ? { Range: `bytes=${from}-` } : {};
    const response = await this.call({ path: `blobs/${digest}`, headers });
    if (response.ok || response.status === 416) return response;
    throw await this.refusal(response, digest);
  }

  /** Checks that the registry accepts the login. Throws a BrunError (ERR_UNAUTHORIZED, ERR_NETWORK). */
  async ping(): Promise<void> {
    const response = await this.call({ path: null });
    await response.body?.cancel();
    if (response.status === 401 || response.status === 403) throw this.unauthorized();
    // A registry that asks for no login does not check the one that it gets.
    if (!response.ok) throw this.wrong(`answers ${response.status}`);
  }

  /**
   * Makes a request, and logs in if the registry asks for it. Throws a BrunError (ERR_UNAUTHORIZED,
   * ERR_NETWORK).
   */
  async call(call: Call): Promise<Response> {
    const first = await this.send(call);
    if (first.status !== 401) return first;
    await first.body?.cancel();
    await this.authorize(first.headers.get("www-authenticate") ?? "");
    return this.send(call);
  }

  private async send({ headers, ...call }: Call): Promise<Response> {
    const { method, body, tries } = call;
    const root = new URL(`${await this.findScheme()}://${this.endpoint.host}/v2/`);
    const { origin } = root;
    let url = "url" in call ? call.url : root;
    if ("path" in call && call.path !== null) url = new URL(`${this.endpoint.repository}/${call.path}`, root);
    for (let redirects = 0; ; redirects++) {
      const own =
        url.origin === origin && this.authorization !== null ? { Authorization: this.authorization } : {};
      const response = await this.request({
        url: url.href,
        ...(method !== undefined && { method }),
        ...(body !== undefined && { body }),
        ...(tries !== undefined && { tries }),
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

  /** Makes a request. An error names the image. */
  private async request(what: HttpRequest): Promise<Response> {
    try {
      return await request(what);
    } catch (error) {
      if (!(error instanceof BrunError) || error.where !== undefined || this.endpoint.repository === "")
        throw error;
      const { code, hint } = error;
      throw new BrunError(error.message, { code, hint, where: this.name, cause: error.cause });
    }
  }

  /** The address of an upload from the Location header of an answer. Throws a BrunError (ERR_NETWORK). */
  locationOf(response: Response): URL {
    const location = response.headers.get("location");
    if (location === null) throw this.wrong("does not say where a blob is to be written to");
    return this.redirected(location, new URL(response.url));
  }

  /** The target of a redirect. It may not lead from https to http, nor to the machine's own services. */
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

  /** The scheme: https, or http if that is allowed and the host does not answer https. */
  private async findScheme(): Promise<string> {
    if (this.scheme !== null) return this.scheme;
    const { host, insecure } = this.endpoint;
    if (!insecure && !this.insecure && !isLoopback(host)) {
      this.scheme = "https";
      return this.scheme;
    }
    try {
      const response = await this.request({ url: `https://${host}/v2/`, tls: this.tls, signal: this.signal });
      await response.body?.cancel();
      this.scheme = "https";
    } catch (error) {
      if (this.signal?.aborted) throw error;
      if (isSilence((error as BrunError).cause)) throw error;
      // A server with an untrusted certificate does speak TLS, so http is not tried.
      if (isCertificateFailure(error)) throw error;
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
      // The scope in the registry's answer may be larger than necessary.
      const scopes = endpoint.repository === "" ? (scope === undefined ? [] : [scope]) : this.scopes();
      const asked = { service, scopes };
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

  private scopes(): string[] {
    const { repository } = this.endpoint;
    if (this.push === undefined) return [`repository:${repository}:pull`];
    return [`repository:${repository}:pull,push`, ...this.push.map((other) => `repository:${other}:pull`)];
  }

  private unauthorized(): BrunError {
    const { host, domain } = this.endpoint;
    const known = this.credentials !== null;
    const missing = this.push === undefined ? ", or there is no such image" : "";
    const purpose = this.push === undefined ? "for" : "to push";
    return new BrunError(
      known
        ? `${host} refuses your login ${purpose} ${this.name}`
        : `${host} wants a login ${purpose} ${this.name}${missing}`,
      {
        code: "ERR_UNAUTHORIZED",
        hint: `brun login ${domain}`,
      },
    );
  }

  /** The error for an answer against the specification. */
  wrong(what: string): BrunError {
    const where = this.endpoint.host;
    return new BrunError(`${where} ${what}`, { code: "ERR_NETWORK", where });
  }

  /**
   * The error for an answer with an error status.
   * @param reference the tag or digest of the request; null if the request was to write
   */
  async refusal(response: Response, reference: string | null): Promise<BrunError> {
    const { host, repository } = this.endpoint;
    const { status } = response;
    const [code, message] = await errorOf(response, host);
    if (status === 401 || status === 403) return this.unauthorized();
    if (status === 429) {
      return new BrunError(`${host} allows no more requests for now`, {
        code: "ERR_RATE_LIMIT",
        hint: "wait, log in, or name a mirror in registries.conf ([[registry.mirror]])",
      });
    }
    if (reference === null && (status === 404 || status === 405)) {
      return new BrunError(`${host} takes nothing for ${repository}`, {
        code: status === 404 ? "ERR_IMAGE_NOT_FOUND" : "ERR_UNAUTHORIZED",
        hint:
          status === 404
            ? "the repository may have to be made there first"
            : "it may be a mirror, or read-only",
      });
    }
    if (status !== 404 || reference === null)
      return this.wrong(`answers ${status}${message === "" ? "" : `: ${message}`}`);
    const byDigest = reference.includes(":");
    const what = byDigest ? `with the digest ${reference}` : `with the tag ${reference}`;
    // Some registries send the same code for a missing repository and a missing image.
    const tags = code === "NAME_UNKNOWN" ? [] : await this.tags();
    if (tags?.length === 0) {
      return new BrunError(`${host} has no repository ${repository}`, {
        code: "ERR_IMAGE_NOT_FOUND",
        hint: "is its name right?",
      });
    }
    return new BrunError(`${host}/${repository} has no image ${what}`, {
      code: "ERR_IMAGE_NOT_FOUND",
      hint:
        tags === null || byDigest
          ? "the registry's pages list its tags"
          : `there are: ${tags.slice(0, TAGS_SHOWN).join(", ")}${tags.length > TAGS_SHOWN ? ", …" : ""}`,
    });
  }

  /** The first tags of the repository. Empty if there is no such repository. Null if the registry does not say. */
  private async tags(): Promise<readonly string[] | null> {
    try {
      const response = await this.call({ path: `tags/list?n=${TAGS_SHOWN + 1}`, tries: 1 });
      const { host } = this.endpoint;
      if (!response.ok) return (await errorOf(response, host))[0] === "NAME_UNKNOWN" ? [] : null;
      const bytes = await smallBody(response, DOCUMENT_MAX, host);
      const { tags } = JSON.parse(fromUtf8(bytes)) as { tags?: unknown };
      return Array.isArray(tags) ? tags.map((tag) => printable(String(tag))) : [];
    } catch {
      // The caller reports the failure of its own request.
      return null;
    }
  }
}

/** The first error in a registry's answer: its code and its printable message. */
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
