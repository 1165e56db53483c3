/** Requests to a registry that may have to be made again: lost connections, 5xx, 429 with Retry-After. */
import { BrunError } from "../../errors.ts";
import { isPassing, isSilence, SILENCE, unreachable } from "./failure.ts";
import { isLoopback } from "./loopback.ts";
import type { TlsOptions } from "./tls.ts";

/** A request. */
export interface HttpRequest {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whole, or made anew for each try; what is made calls its argument while it is sent. */
  readonly body?: string | Uint8Array | ((alive: () => void) => AsyncIterable<Uint8Array>);
  /** How often it is made, where that helps; 5. */
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
/** How often one is asked that does not answer in this time. */
const SILENT_TRIES = 2;
const TOO_MANY = 429;
const SERVER_ERROR = 500;

/** Names what the software of a person's tools calls itself. */
const AGENT = "brun";

/**
 * Makes a request, some times where that helps. Redirects are not followed.
 * @throws BrunError (ERR_NETWORK) nobody answers
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

/** Whether an answer asks for another try, later. */
export function isBusy({ status }: Response): boolean {
  return status === TOO_MANY || (status >= SERVER_ERROR && status !== 501);
}

/**
 * Waits as long as an answer asks for, or longer from try to try.
 * @param response null when there was none
 * @param tries that have been made
 * Throws the signal's reason.
 */
export function waitFor(
  response: Response | null,
  tries: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return wait((response === null ? null : retryAfter(response)) ?? backoff(tries), signal);
}

/** One try. Throws what fetch() throws. */
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
      // Layers are compressed as they are; whoever compresses them once more changes their bytes.
      headers: { "User-Agent": AGENT, "Accept-Encoding": "identity", ...headers },
      signal: signal === undefined ? timeout.signal : AbortSignal.any([timeout.signal, signal]),
      // Bun's own, which TypeScript's library does not know: decompress, tls, and an AsyncIterable as a body.
      ...({
        decompress: false,
        tls,
        keepalive: true,
        // As for Go's programs: what is on this machine is not asked for elsewhere.
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
 * The body of an answer that is to be small. Throws a BrunError.
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

/** How long a body may bring nothing, in milliseconds. */
const STALL_TIMEOUT = 60_000;

/** A body chunk by chunk. Throws a BrunError (ERR_NETWORK) when it breaks off or stalls. */
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
