/** A registry on loopback with optional faults. */
import { createHash } from "node:crypto";
import { MEDIA } from "../../src/image/manifest.ts";
import type { TestImage } from "../../src/image/testing/image.ts";

/** The faults of a registry. */
export interface Faults {
  /** Requires bearer tokens from this realm, by default its own. */
  readonly bearer?: { readonly realm?: string; readonly login?: string };
  /** Requires basic authentication with "user:password". */
  readonly basic?: string;
  /** The first `times` answers for blobs break off after `after` bytes. */
  readonly breakOff?: { after: number; times: number };
  /** Ignores the header Range. */
  readonly noRange?: boolean;
  /** Blobs have other bytes of the same length. */
  readonly corrupt?: boolean;
  /** Blobs are redirected to this address, or for "" to the registry's storage. */
  readonly redirect?: string;
  /** The first `times` answers have this status (429 or 503) and Retry-After: 0. */
  readonly busy?: { status: number; times: number };
  /** All answers have the status 429. */
  readonly limited?: boolean;
  readonly contentType?: string;
  /** Blobs are sent in pieces of 4 kB at this interval in milliseconds. */
  readonly slow?: number;
  /** The first `times` uploads break off after `after` bytes, which the registry keeps. */
  readonly cutUpload?: { after: number; times: number };
  /** Uploads that broke off are forgotten. */
  readonly forgets?: boolean;
  /** The maximum size of a request's body. */
  readonly bodyMax?: number;
  /** OCI-Chunk-Min-Length. */
  readonly least?: number;
  /** Refuses to mount blobs from other repositories. */
  readonly noMount?: boolean;
  /** Refuses all writes. */
  readonly readOnly?: boolean;
  /** Blobs are sent in pieces of `size` bytes at intervals of `ms` milliseconds. */
  readonly drip?: { readonly size: number; readonly ms: number };
  /** Requests get no answer. */
  readonly silent?: boolean;
}

/** Options of the server. */
export interface Serving {
  readonly tls?: { readonly key: string; readonly cert: string };
  /** The authority (PEM) of the certificates that clients must have. */
  readonly clients?: string;
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly query: URLSearchParams;
}

/** Serves images by "repository:tag". `using` stops it. */
export class TestRegistry implements Disposable {
  readonly requests: Request[] = [];
  /** The number of bytes of all blobs in answers. */
  blobBytes = 0;
  /** The number of bytes sent with the fault `drip`. */
  dripped = 0;
  private readonly images = new Map<string, Map<string, TestImage | Uint8Array>>();
  private readonly blobs = new Map<string, Uint8Array>();
  /** The repositories of each blob. */
  private readonly owners = new Map<string, Set<string>>();
  private readonly uploads = new Map<string, Uint8Array>();
  private readonly server: Bun.Server<undefined>;

  constructor(
    private faults: Faults = {},
    { tls, clients }: Serving = {},
  ) {
    this.server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      idleTimeout: 0,
      ...(tls !== undefined && {
        tls: { ...tls, ...(clients && { ca: clients, requestCert: true, rejectUnauthorized: true }) },
      }),
      fetch: (request) => this.answer(request),
    });
  }

  /** "127.0.0.1:PORT". */
  get host(): string {
    return `127.0.0.1:${this.server.port}`;
  }

  [Symbol.dispose](): void {
    this.server.stop(true);
  }

  /** Changes the faults. */
  become(faults: Faults): void {
    this.faults = faults;
  }

  push(repository: string, tag: string, image: TestImage): void {
    const tags = this.images.get(repository) ?? new Map<string, TestImage | Uint8Array>();
    this.images.set(repository, tags.set(tag, image));
    for (const [digest, bytes] of image.blobs) this.putBlob(repository, digest, bytes);
  }

  /** A manifest that a client has pushed. */
  pushed(repository: string, tag: string): { bytes: Uint8Array; type: string } | null {
    const found = this.images.get(repository)?.get(tag);
    return found instanceof Uint8Array
      ? { bytes: found, type: this.types.get(`${repository}:${tag}`)! }
      : null;
  }

  /** A blob of a repository. */
  blobOf(repository: string, digest: string): Uint8Array | null {
    return this.owners.get(digest)?.has(repository) ? this.blobs.get(digest)! : null;
  }

  private readonly types = new Map<string, string>();

  private putBlob(repository: string, digest: string, bytes: Uint8Array): void {
    this.blobs.set(digest, bytes);
    this.owners.set(digest, (this.owners.get(digest) ?? new Set()).add(repository));
  }

  /** Adds any bytes as a manifest or index. */
  pushDocument(
    repository: string,
    tag: string,
    document: Uint8Array,
    parts: readonly TestImage[] = [],
  ): void {
    const tags = this.images.get(repository) ?? new Map<string, TestImage | Uint8Array>();
    this.images.set(repository, tags.set(tag, document));
    for (const image of parts) for (const [digest, bytes] of image.blobs) this.blobs.set(digest, bytes);
  }

  private answer(request: globalThis.Request): Response | Promise<Response> {
    const url = new URL(request.url);
    this.requests.push({
      method: request.method,
      path: url.pathname,
      headers: request.headers,
      query: url.searchParams,
    });
    if (this.faults.silent) return new Promise(() => {});
    if (url.pathname === "/token") return this.token(request);
    if (url.pathname.startsWith("/storage/"))
      return this.blob(url.pathname.slice("/storage/".length), request);
    const refused = this.refuse(request);
    if (refused !== null) return refused;
    if (url.pathname === "/v2/") return new Response("{}");
    const upload = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/.exec(url.pathname);
    if (upload !== null) return this.upload(upload[1]!, upload[2]!, url.searchParams, request);
    const listed = /^\/v2\/(.+)\/tags\/list$/.exec(url.pathname)?.[1];
    if (listed !== undefined) {
      const tags = this.images.get(listed);
      return tags === undefined ? failure(404, "NAME_UNKNOWN") : Response.json({ tags: [...tags.keys()] });
    }
    const match = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(url.pathname);
    if (match === null) return failure(404, "UNSUPPORTED");
    const [, repository, kind, reference] = match as unknown as [string, string, string, string];
    if (request.method === "PUT") return this.putManifest(repository, reference, request);
    if (request.method === "HEAD" && kind === "blobs") {
      const there = this.blobOf(repository, reference);
      return new Response(null, { status: there === null ? 404 : 200 });
    }
    const tags = this.images.get(repository);
    // As the registry of distribution answers.
    if (tags === undefined) return failure(404, kind === "manifests" ? "MANIFEST_UNKNOWN" : "NAME_UNKNOWN");
    if (kind === "manifests") return this.manifest(tags, reference, request.method);
    const { redirect } = this.faults;
    if (redirect === undefined) return this.blob(reference, request);
    const location = redirect === "" ? `http://localhost:${this.server.port}/storage/${reference}` : redirect;
    return new Response(null, { status: 307, headers: { location } });
  }

  private async putManifest(repository: string, tag: string, request: globalThis.Request): Promise<Response> {
    if (this.faults.readOnly) return failure(405, "UNSUPPORTED");
    const bytes = new Uint8Array(await request.arrayBuffer());
    const { config, layers } = JSON.parse(new TextDecoder().decode(bytes)) as {
      config: { digest: string };
      layers: { digest: string; size: number }[];
    };
    for (const { digest } of [config, ...layers])
      if (this.blobOf(repository, digest) === null) return failure(400, "MANIFEST_BLOB_UNKNOWN");
    const tags = this.images.get(repository) ?? new Map<string, TestImage | Uint8Array>();
    this.images.set(repository, tags.set(tag, bytes));
    this.types.set(`${repository}:${tag}`, request.headers.get("content-type") ?? "");
    return new Response(null, { status: 201 });
  }

  /** Implements distribution-spec 1.1, "Pushing Blobs". */
  private async upload(
    repository: string,
    id: string,
    query: URLSearchParams,
    request: globalThis.Request,
  ): Promise<Response> {
    const { bodyMax, cutUpload, forgets, least, noMount, readOnly } = this.faults;
    if (readOnly) return failure(405, "UNSUPPORTED");
    const at = (session: string, status: number) =>
      new Response(null, {
        status,
        headers: {
          location: `/v2/${repository}/blobs/uploads/${session}`,
          range: `0-${Math.max(0, this.uploads.get(session)!.length - 1)}`,
          ...(least !== undefined && { "oci-chunk-min-length": `${least}` }),
        },
      });
    if (request.method === "POST") {
      const digest = query.get("mount");
      const there = digest === null || noMount ? null : this.blobOf(query.get("from") ?? "", digest);
      if (there !== null) {
        this.putBlob(repository, digest!, there);
        return new Response(null, { status: 201 });
      }
      const session = crypto.randomUUID();
      this.uploads.set(session, new Uint8Array(0));
      return at(session, 202);
    }
    const have = this.uploads.get(id);
    if (have === undefined) return failure(404, "BLOB_UPLOAD_UNKNOWN");
    if (request.method === "GET") return at(id, 204);
    if (request.method === "DELETE") {
      this.uploads.delete(id);
      return new Response(null, { status: 204 });
    }
    const length = Number(request.headers.get("content-length") ?? 0);
    if (bodyMax !== undefined && length > bodyMax) return failure(413, "SIZE_INVALID");
    const range = /^(\d+)-(\d+)$/.exec(request.headers.get("content-range") ?? "");
    if (range !== null && Number(range[1]) !== have.length) return failure(416, "RANGE_INVALID");
    const body = new Uint8Array(await request.arrayBuffer());
    if (range !== null && body.length !== Number(range[2]) - Number(range[1]) + 1)
      return failure(400, "SIZE_INVALID");
    if (cutUpload !== undefined && cutUpload.times > 0 && body.length > cutUpload.after) {
      cutUpload.times--;
      this.uploads.set(id, Buffer.concat([have, body.subarray(0, cutUpload.after)]));
      if (forgets) this.uploads.delete(id);
      return failure(503, "UNAVAILABLE", { "retry-after": "0" });
    }
    const all = Buffer.concat([have, body]);
    this.uploads.set(id, all);
    if (request.method === "PATCH") return at(id, 202);
    const digest = `sha256:${createHash("sha256").update(all).digest("hex")}`;
    if (query.get("digest") !== digest) return failure(400, "DIGEST_INVALID");
    this.uploads.delete(id);
    this.putBlob(repository, digest, all);
    return new Response(null, { status: 201 });
  }

  private refuse(request: globalThis.Request): Response | null {
    const { basic, bearer, busy, limited } = this.faults;
    if (limited) return failure(429, "TOOMANYREQUESTS", { "retry-after": "0" });
    if (busy !== undefined && busy.times-- > 0)
      return failure(busy.status, "UNAVAILABLE", { "retry-after": "0" });
    const given = request.headers.get("authorization");
    if (basic !== undefined && given !== `Basic ${btoa(basic)}`) {
      return failure(401, "UNAUTHORIZED", { "www-authenticate": 'Basic realm="test"' });
    }
    if (bearer !== undefined && given !== "Bearer good") {
      const realm = bearer.realm ?? `http://${this.host}/token`;
      const header = `Bearer realm="${realm}",service="test, registry",scope="repository:x:pull"`;
      return failure(401, "UNAUTHORIZED", { "www-authenticate": header });
    }
    return null;
  }

  private token(request: globalThis.Request): Response {
    const { login } = this.faults.bearer ?? {};
    if (login !== undefined && request.headers.get("authorization") !== `Basic ${btoa(login)}`) {
      return failure(401, "UNAUTHORIZED");
    }
    return Response.json({ token: "good" });
  }

  private manifest(tags: Map<string, TestImage | Uint8Array>, reference: string, method: string): Response {
    const found = tags.get(reference);
    const bytes =
      found instanceof Uint8Array ? found : this.blobs.get(found === undefined ? reference : found.manifest);
    if (bytes === undefined) return failure(404, "MANIFEST_UNKNOWN");
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    const text = new TextDecoder().decode(bytes);
    const { mediaType } = (text.startsWith("{") ? JSON.parse(text) : {}) as { mediaType?: string };
    return new Response(method === "HEAD" ? null : new Uint8Array(bytes), {
      headers: {
        "content-type": this.faults.contentType ?? mediaType ?? MEDIA.manifest,
        "docker-content-digest": digest,
      },
    });
  }

  private dripping(bytes: Uint8Array, { size, ms }: NonNullable<Faults["drip"]>): ReadableStream {
    let at = 0;
    return new ReadableStream({
      pull: async (controller) => {
        await Bun.sleep(ms);
        const piece = bytes.slice(at, at + size);
        at += piece.length;
        this.dripped += piece.length;
        controller.enqueue(piece);
        if (at === bytes.length) controller.close();
      },
    });
  }

  private blob(digest: string, request: globalThis.Request): Response {
    const there = this.blobs.get(digest);
    if (there === undefined) return failure(404, "BLOB_UNKNOWN");
    const { breakOff, corrupt, noRange } = this.faults;
    const bytes = corrupt ? there.map((byte, i) => (i === 20 ? byte ^ 1 : byte)) : there;
    const range = noRange ? null : /^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "");
    const from = range === null ? 0 : Number(range[1]);
    const headers: Record<string, string> =
      range === null ? {} : { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
    const status = range === null ? 200 : 206;
    if (breakOff !== undefined && breakOff.times > 0 && bytes.length - from > breakOff.after) {
      breakOff.times--;
      const part = bytes.slice(from, from + breakOff.after);
      // The answer's Content-Range has more bytes than the body.
      const stream = new ReadableStream({
        start(controller) {
          controller.enqueue(part);
          controller.close();
        },
      });
      return new Response(stream, { status, headers });
    }
    const { slow } = this.faults;
    if (slow !== undefined) return new Response(dripping(bytes.slice(from), slow), { status, headers });
    this.blobBytes += bytes.length - from;
    const { drip } = this.faults;
    if (drip !== undefined)
      return new Response(this.dripping(bytes.subarray(from), drip), { status, headers });
    return new Response(new Uint8Array(bytes.subarray(from)), { status, headers });
  }
}

function dripping(bytes: Uint8Array, ms: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      await Bun.sleep(ms);
      controller.enqueue(bytes.slice(at, at + 4096));
      at += 4096;
      if (at >= bytes.length) controller.close();
    },
  });
}

function failure(status: number, code: string, headers: Record<string, string> = {}): Response {
  return Response.json({ errors: [{ code, message: `\u001b[31m${code}` }] }, { status, headers });
}
