/**
 * Writes to a registry (distribution-spec 1.1, "Push"). A blob is sent in one piece, as docker and podman do,
 * which every registry accepts. If that breaks off or is too large, the upload continues in smaller pieces from
 * the registry's offset.
 */
import { BrunError } from "../../errors.ts";
import { check } from "../../sys/error.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import type { Descriptor } from "../manifest.ts";
import type { Call, RegistryClient } from "./client.ts";
import { isBusy, waitFor } from "./http.ts";

/** The maximum size of a blob that is sent with the request that ends the upload. */
const SMALL = 4 << 20;
/** The size of a piece after an upload in one piece has failed, unless the registry asks for larger ones. */
const PIECE = 16 << 20;
/** The maximum number of tries without progress. */
const TRIES = 5;
const CHUNK = 256 << 10;
const TOO_LARGE = 413;
const WRONG_RANGE = 416;

/** An upload that has been started. */
interface Session {
  url: URL;
  /** The minimum size of a piece except the last one; 0 for none. */
  readonly least: number;
}

/** Whether the repository has a blob. Throws a BrunError. */
export async function hasBlob(client: RegistryClient, { digest }: Descriptor): Promise<boolean> {
  const response = await client.call({ path: `blobs/${digest}`, method: "HEAD" });
  if (response.ok) return true;
  if (response.status === 404) return false;
  throw await client.refusal(response, digest);
}

/**
 * Asks the registry to mount a blob from another of its repositories.
 * @returns whether it did
 * Throws a BrunError.
 */
export async function mountBlob(client: RegistryClient, digest: string, from: string): Promise<boolean> {
  const query = new URLSearchParams({ mount: digest, from });
  const response = await client.call({ path: `blobs/uploads/?${query}`, method: "POST" });
  await response.body?.cancel();
  if (response.status === 201) return true;
  // 202: the registry has started an upload instead. Any other status: it does not support mounts.
  if (response.status === 202) await cancel(client, client.locationOf(response));
  return false;
}

/**
 * Uploads a blob.
 * @param fd a descriptor of the blob's file
 * @param progress is called with the number of bytes sent
 * @throws BrunError
 */
export async function uploadBlob(
  client: RegistryClient,
  blob: Descriptor,
  fd: number,
  progress: (bytes: number) => void,
): Promise<void> {
  let session = await begin(client);
  try {
    if (blob.size > SMALL) session = await sendPieces(client, session, blob, fd, progress);
    await finish(client, session, blob, blob.size > SMALL ? null : fd);
    progress(blob.size);
  } catch (error) {
    if (!client.signal?.aborted) await cancel(client, session.url);
    throw error;
  }
}

async function begin(client: RegistryClient): Promise<Session> {
  const response = await client.call({ path: "blobs/uploads/", method: "POST" });
  if (response.status !== 202) throw await client.refusal(response, null);
  const least = Number(response.headers.get("oci-chunk-min-length") ?? 0);
  return { url: client.locationOf(response), least: Number.isSafeInteger(least) && least > 0 ? least : 0 };
}

async function sendPieces(
  client: RegistryClient,
  begun: Session,
  { size }: Descriptor,
  fd: number,
  progress: (bytes: number) => void,
): Promise<Session> {
  let session = begun;
  let at = 0;
  let furthest = 0;
  let whole = true;
  for (let tries = 0; at < size; ) {
    const end = whole ? size : Math.min(size, at + Math.max(PIECE, session.least));
    const from = at;
    const failure = await sendPiece(client, session, fd, from, end, whole, (bytes) => progress(from + bytes));
    if (failure === null) {
      at = end;
      furthest = Math.max(furthest, at);
      continue;
    }
    whole = false;
    tries++;
    if (tries === TRIES) throw failure.error;
    await waitFor(failure.response, tries, client.signal);
    const stands = await position(client, session);
    if (stands === null) session = await begin(client);
    at = stands ?? 0;
    if (at <= furthest) continue;
    furthest = at;
    tries = 0;
  }
  return session;
}

/**
 * Sends a piece. Returns null if the registry has accepted it. Throws a BrunError if another try would not
 * help.
 */
async function sendPiece(
  client: RegistryClient,
  session: Session,
  fd: number,
  from: number,
  end: number,
  whole: boolean,
  progress: (bytes: number) => void,
): Promise<{ readonly response: Response | null; readonly error: unknown } | null> {
  const headers = {
    "Content-Type": "application/octet-stream",
    "Content-Length": `${end - from}`,
    ...(!whole && { "Content-Range": `${from}-${end - 1}` }),
  };
  const body = (alive: () => void) => fileBody(fd, from, end, alive, progress);
  const sent = await attempt(client, { url: session.url, method: "PATCH", headers, body });
  if (!("response" in sent)) return { response: null, error: sent.error };
  const { response } = sent;
  if (response.status === 202) {
    await response.body?.cancel();
    session.url = client.locationOf(response);
    return null;
  }
  const { status } = response;
  // 404: the registry has forgotten the upload.
  const passes =
    isBusy(response) || status === WRONG_RANGE || status === 404 || (status === TOO_LARGE && whole);
  const error = await client.refusal(response, null);
  if (!passes) throw error;
  return { response, error };
}

/** The number of bytes that the registry has. Null if the upload has to start again. Throws a BrunError. */
async function position(client: RegistryClient, session: Session): Promise<number | null> {
  const response = await client.call({ url: session.url });
  await response.body?.cancel();
  const last = /^(?:bytes=)?0-(\d+)$/.exec(response.headers.get("range") ?? "")?.[1];
  // Many registries answer "0-0" if they have nothing.
  if (response.status !== 204 || last === undefined || last === "0") return null;
  session.url = client.locationOf(response);
  return Number(last) + 1;
}

/**
 * Ends the upload.
 * @param fd the whole blob if nothing of it has been sent, otherwise null
 */
async function finish(
  client: RegistryClient,
  session: Session,
  blob: Descriptor,
  fd: number | null,
): Promise<void> {
  const url = new URL(session.url);
  url.searchParams.set("digest", blob.digest);
  const length = fd === null ? 0 : blob.size;
  const headers = { "Content-Type": "application/octet-stream", "Content-Length": `${length}` };
  for (let tries = 1; ; tries++) {
    const body =
      fd === null ? new Uint8Array(0) : (alive: () => void) => fileBody(fd, 0, length, alive, () => {});
    const sent = await attempt(client, { url, method: "PUT", headers, body });
    if ("response" in sent && sent.response.ok) {
      await sent.response.body?.cancel();
      return;
    }
    const passes = !("response" in sent) || isBusy(sent.response);
    const error = "response" in sent ? await client.refusal(sent.response, null) : sent.error;
    if (!passes || tries === TRIES) throw error;
    await waitFor("response" in sent ? sent.response : null, tries, client.signal);
    // The blob may have arrived, and only the answer may be lost. An upload that broke off cannot be used
    // again.
    if (await hasBlob(client, blob)) return;
    if (fd !== null) url.href = withDigest((await begin(client)).url, blob.digest);
  }
}

/**
 * Makes a request once. Returns its answer, or the error if there is no answer. Throws an error that another
 * try would not mend.
 */
async function attempt(
  client: RegistryClient,
  call: Call,
): Promise<{ readonly response: Response } | { readonly error: unknown }> {
  try {
    return { response: await client.call({ ...call, tries: 1 }) };
  } catch (error) {
    if (client.signal?.aborted || !(error instanceof BrunError && error.code === "ERR_NETWORK")) throw error;
    return { error };
  }
}

function withDigest(url: URL, digest: string): string {
  url.searchParams.set("digest", digest);
  return url.href;
}

/** Ends an upload. Failures do not matter: registries remove old uploads. */
async function cancel(client: RegistryClient, url: URL): Promise<void> {
  try {
    const response = await client.call({ url, method: "DELETE", tries: 1 });
    await response.body?.cancel();
  } catch {}
}

/**
 * Writes a manifest to the repository.
 * @param reference tag or digest
 * @throws BrunError
 */
export async function putManifest(
  client: RegistryClient,
  reference: string,
  bytes: Uint8Array,
  mediaType: string,
): Promise<void> {
  const headers = { "Content-Type": mediaType };
  const response = await client.call({
    path: `manifests/${reference}`,
    method: "PUT",
    headers,
    body: bytes,
  });
  if (response.status !== 201 && response.status !== 202) throw await client.refusal(response, null);
  await response.body?.cancel();
}

/** The bytes of a file from `from` to `end`. */
async function* fileBody(
  fd: number,
  from: number,
  end: number,
  alive: () => void,
  progress: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void> {
  for (let at = from; at < end; ) {
    const bytes = new Uint8Array(Math.min(CHUNK, end - at));
    const n = check(syscall(NR.pread64, fd, bytes, bytes.length, at), "read a layer");
    if (n === 0) throw new BrunError("a layer has been cut off", { code: "ERR_DIGEST" });
    at += n;
    alive();
    yield bytes.subarray(0, n);
    progress(at - from);
  }
}
