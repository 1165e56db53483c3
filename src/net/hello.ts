/** The server name of a TLS client's first message (RFC 8446, 4.1.2; RFC 6066, 3). Pure. */

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const RECORD_HEADER = 5;
/** A client hello with post-quantum keys has some 2 KB. */
export const MOST_HELLO = 16_384;

/**
 * The meaning of a connection's first bytes.
 * - `more`: the message is not complete
 * - `other`: it is not TLS
 * - `bad`: it begins like TLS, but cannot be understood
 * - `name`: the server's name; null if the client gives none
 */
export type Hello =
  | { readonly is: "more" }
  | { readonly is: "other" }
  | { readonly is: "bad" }
  | { readonly is: "name"; readonly name: string | null };

/** Parses the first bytes of a connection. */
export function readHello(bytes: Uint8Array): Hello {
  if (bytes.length === 0) return { is: "more" };
  if (bytes[0] !== HANDSHAKE) return { is: "other" };
  const message = handshake(bytes);
  if (message === null) return { is: bytes.length < MOST_HELLO ? "more" : "bad" };
  if (message === "bad" || message[0] !== CLIENT_HELLO) return { is: "bad" };
  try {
    return { is: "name", name: serverName(new Reader(message.subarray(4))) };
  } catch {
    return { is: "bad" };
  }
}

/** The first handshake message, joined from its records; null if it is not complete. */
function handshake(bytes: Uint8Array): Uint8Array | null | "bad" {
  const parts: number[] = [];
  for (let at = 0; ; ) {
    if (at + RECORD_HEADER > bytes.length) return null;
    if (bytes[at] !== HANDSHAKE || bytes[at + 1] !== 3) return "bad";
    const size = (bytes[at + 3]! << 8) | bytes[at + 4]!;
    if (size === 0 || size > MOST_HELLO) return "bad";
    parts.push(...bytes.subarray(at + RECORD_HEADER, Math.min(at + RECORD_HEADER + size, bytes.length)));
    if (parts.length >= 4) {
      const length = 4 + ((parts[1]! << 16) | (parts[2]! << 8) | parts[3]!);
      if (length > MOST_HELLO) return "bad";
      if (parts.length >= length) return Uint8Array.from(parts.slice(0, length));
    }
    at += RECORD_HEADER + size;
  }
}

/** Reads numbers and blocks. Throws a RangeError at the end of the bytes. */
class Reader {
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  get isAtEnd(): boolean {
    return this.at === this.bytes.length;
  }

  number(size: number): number {
    let value = 0;
    for (const byte of this.take(size)) value = value * 256 + byte;
    return value;
  }

  take(size: number): Uint8Array {
    if (this.at + size > this.bytes.length) throw new RangeError("it ends too early");
    this.at += size;
    return this.bytes.subarray(this.at - size, this.at);
  }

  /** Reads a length, and then a block of that length. */
  block(sizeOfLength: number): Reader {
    return new Reader(this.take(this.number(sizeOfLength)));
  }
}

function serverName(hello: Reader): string | null {
  hello.take(2 + 32);
  hello.block(1);
  hello.block(2);
  hello.block(1);
  if (hello.isAtEnd) return null;
  const extensions = hello.block(2);
  let found: string | null = null;
  while (!extensions.isAtEnd) {
    const type = extensions.number(2);
    const data = extensions.block(2);
    if (type !== SERVER_NAME) continue;
    // Other programs could read the first one or the last one.
    if (found !== null) throw new RangeError("two names");
    const list = data.block(2);
    if (list.number(1) !== 0) throw new RangeError("no name of a host");
    const length = list.number(2);
    found = String.fromCharCode(...list.take(length)).toLowerCase();
    if (!list.isAtEnd || !data.isAtEnd) throw new RangeError("more than a name");
  }
  return found;
}
