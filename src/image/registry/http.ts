/** Requests to a registry. They are repeated after lost connections, 5xx, and 429 with Retry-After. */
import { BrunError } from "../../errors.ts";
import { isPassing, isSilence, SILENCE, unreachable } from "./failure.ts";
import { isLoopback } from "./loopback.ts";
import type { TlsOptions } from "./tls.ts";

/** A request. */
export interface HttpRequest {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A function makes the body again for each try. It calls its argument whenever it sends something. */
  readonly body?: string | Uint8Array | ((alive: () => void) => AsyncIterable<Uint8Array>);
  /** The maximum number of tries, by default 5. */
  readonly tries?: number;
  readonly tls?: TlsOptions;
  readonly signal?: AbortSignal | undefined;
}

const TRIES = 5;
const FIRST_WAIT = 400;
/** The longest wait between two tries, in milliseconds. */
const LONGEST_WAIT = 30_000;
/** How long a registry may take to begin its answer, in milliseconds. */
const ANSWER_TIMEOUT = 60_000;
/** The maximum number of tries if a registry does not answer in that time. */
const SILENT_TRIES = 2;
const TOO_MANY = 429;
const SERVER_ERROR = 500;

/** The User-Agent. */
const AGENT = "brun";

/**
 * Makes a request, and repeats it if that may help. Redirects are not followed.
 * @throws BrunError (ERR_NETWORK) if there is no answer
 */
export async function request(what: HttpRequest): Promise<Response> {
  for (let tries = 1; ; tries++) {
    const last = tries === (what.tries ?? TRIES);
    try {
      const response = await once(what);
      if (last || !isBusy(response)) return response;
      await response.body?.cancel();
      await waitFor(response, tries, what.signal);
    } catch (error) {
      if (what.signal?.aborted) throw error;
      if (error instanceof BrunError) throw error;
      const silent = isSilence(error) && tries >= SILENT_TRIES;
      if (last || silent || !isPassing(error)) throw await unreachable(what.url, error);
      await wait(backoff(tries), what.signal);
    }
  }
}

/** Whether an answer asks for another try later. */
export function isBusy({ status }: Response): boolean {
  return status === TOO_MANY || (status >= SERVER_ERROR && status !== 501);
}

/**
 * Waits before the next try: as long as the answer asks for, otherwise twice as long as after the previous try.
 * @param response null if there was none
 * @param tries the number of tries so far
 * Throws the signal's reason.
 */
export function waitFor(
  response: Response | null,
  tries: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return wait((response === null ? null : retryAfter(response)) ?? backoff(tries), signal);
}

/** Makes a request once. Throws the errors of fetch(). */
async function once({ url, method = "GET", headers, body, tls, signal }: HttpRequest): Promise<Response> {
  const timeout = new AbortController();
  const start = () => setTimeout(() => timeout.abort(new Error(SILENCE)), ANSWER_TIMEOUT);
  let timer = start();
  const alive = () => {
    clearTimeout(timer);
    timer = start();
  };
  try {
    return await fetch(url, {
      method,
      redirect: "manual",
      // Layers are compressed already. A compressed transfer would change the bytes that are hashed.
      headers: { "User-Agent": AGENT, "Accept-Encoding": "identity", ...headers },
      signal: signal === undefined ? timeout.signal : AbortSignal.any([timeout.signal, signal]),
      // Bun has these options, and TypeScript's library lacks them: decompress, tls, and an AsyncIterable as a
      // body.
      ...({
        decompress: false,
        tls,
        keepalive: true,
        // As in Go's programs, no proxy is used for this machine.
        ...(isLoopback(new URL(url).host) && { proxy: false }),
        ...(body !== undefined && { body: typeof body === "function" ? body(alive) : body }),
      } as object),
    });
  } finally {
    clearTimeout(timer);
  }
}

function retryAfter(response: Response): number | null {
  const text = response.headers.get("retry-after");
  if (text === null) return null;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), LONGEST_WAIT) : null;
}

function backoff(tries: number): number {
  return Math.min(FIRST_WAIT * 2 ** (tries - 1), LONGEST_WAIT);
}

function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

/**
 * Reads the body of an answer into memory. Throws a BrunError if it is larger than `most`.
 * @param most bytes
 */
export async function smallBody(response: Response, most: number, where: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bodyOf(response, where)) {
    size += chunk.length;
    if (size > most)
      throw new BrunError(`${where} sends more than ${most} bytes`, { code: "ERR_NETWORK", where });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** How long a body may send nothing, in milliseconds. */
const STALL_TIMEOUT = 60_000;

/** Reads a body chunk by chunk. Throws a BrunError (ERR_NETWORK) if it breaks off or stalls. */
export async function* bodyOf(response: Response, where: string): AsyncGenerator<Uint8Array, void> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const stalled = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error("nothing has come for a minute")), STALL_TIMEOUT);
      });
      try {
        const { done, value } = await Promise.race([reader.read(), stalled]);
        if (done) return;
        yield value;
      } finally {
        clearTimeout(timer);
      }
    }
  } catch (cause) {
    if (cause instanceof BrunError) throw cause;
    throw new BrunError(`the connection broke off: ${(cause as Error).message}`, {
      code: "ERR_NETWORK",
      where,
      cause,
    });
  } finally {
    reader.cancel().catch(() => {});
  }
}
