/**
 * Requests to a proxy: HTTP's CONNECT (RFC 9110, 9.3.6) and SOCKS5 (RFC 1928), distinguished by the first
 * byte. Pure.
 */
import { joined, utf8 } from "../sys/utf8.ts";
import { addressText, parseIpv4 } from "./address.ts";
import { asciiName } from "./rules.ts";

/** The next thing to do. */
export type Turn =
  | { readonly do: "more"; readonly reply?: Uint8Array }
  | { readonly do: "fail"; readonly reply: Uint8Array; readonly reason: string }
  | {
      readonly do: "dial";
      readonly reply?: Uint8Array;
      readonly host: string;
      readonly port: number;
      /** The bytes that the client has sent after its request. */
      readonly rest: Uint8Array;
    };

/** The result of an attempt to connect, for {@link ProxyTalk.outcome}. */
export type Outcome = "connected" | "refused" | "failed";

const MOST_HEAD = 8192;
const SOCKS = 5;
const CONNECT = 1;
const IPV4 = 1;
const NAME = 3;
const NO_METHOD = 0xff;

const HTTP_SAYS: Readonly<Record<Outcome, string>> = {
  connected: "HTTP/1.1 200 Connection established\r\n\r\n",
  refused: "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
  failed: "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
};

/** Reply codes (RFC 1928, 6): succeeded, not allowed by ruleset, host unreachable. */
const SOCKS_SAYS: Readonly<Record<Outcome, number>> = { connected: 0, refused: 2, failed: 4 };

/** The talk with one client, up to the host that it wants. */
export class ProxyTalk {
  private bytes = new Uint8Array(0);
  private socks: boolean | null = null;
  private isGreeted = false;

  /** Parses further bytes. */
  feed(more: Uint8Array): Turn {
    this.bytes = joined([this.bytes, more]);
    if (this.bytes.length === 0) return { do: "more" };
    this.socks ??= this.bytes[0] === SOCKS;
    return this.socks ? this.nextOfSocks() : this.nextOfHttp();
  }

  /** The reply to the client. */
  outcome(how: Outcome): Uint8Array {
    return this.socks ? socksReply(SOCKS_SAYS[how]) : utf8(HTTP_SAYS[how]);
  }

  private nextOfHttp(): Turn {
    const text = String.fromCharCode(...this.bytes.subarray(0, MOST_HEAD));
    const end = text.indexOf("\r\n\r\n");
    const no = (status: string, reason: string): Turn => ({
      do: "fail",
      reply: utf8(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`),
      reason,
    });
    if (end < 0)
      return text.length < MOST_HEAD
        ? { do: "more" }
        : no("431 Request Header Fields Too Large", "a head without end");
    const match = /^CONNECT ([^\s:]+|\[[^\s\]]*\]):(\d{1,5}) HTTP\/1\.[01]\r\n/.exec(text);
    if (match === null) return no("405 Method Not Allowed\r\nallow: CONNECT", "no CONNECT");
    return this.target(match[1]!, Number(match[2]), end + 4, utf8(HTTP_SAYS.refused));
  }

  private nextOfSocks(): Turn {
    const { bytes } = this;
    if (!this.isGreeted) {
      const count = bytes[1];
      if (count === undefined || bytes.length < 2 + count) return { do: "more" };
      if (!bytes.subarray(2, 2 + count).includes(0))
        return { do: "fail", reply: Uint8Array.of(SOCKS, NO_METHOD), reason: "SOCKS with a login" };
      this.isGreeted = true;
      this.bytes = bytes.slice(2 + count);
      const next: Turn = this.nextOfSocks();
      const greeting = [SOCKS, 0, ...(next.reply ?? [])];
      return { ...next, reply: Uint8Array.from(greeting) };
    }
    if (bytes.length < 5) return { do: "more" };
    const [version, command, , kind, length] = bytes as unknown as readonly number[];
    if (version !== SOCKS) return { do: "fail", reply: socksReply(1), reason: "no SOCKS5" };
    if (command !== CONNECT)
      return { do: "fail", reply: socksReply(7), reason: "SOCKS5 for UDP or to listen" };
    if (kind !== IPV4 && kind !== NAME)
      return { do: "fail", reply: socksReply(8), reason: "an IPv6 address" };
    const from = kind === NAME ? 5 : 4;
    const size = kind === NAME ? length! : 4;
    if (bytes.length < from + size + 2) return { do: "more" };
    const data = bytes.subarray(from, from + size);
    const host = kind === NAME ? String.fromCharCode(...data) : addressText(data.slice());
    const port = (bytes[from + size]! << 8) | bytes[from + size + 1]!;
    return this.target(host, port, from + size + 2, socksReply(SOCKS_SAYS.refused));
  }

  private target(text: string, port: number, end: number, refused: Uint8Array): Turn {
    const host = parseIpv4(text) === null ? asciiName(text) : text;
    if (host === null || port === 0 || port > 65535)
      return { do: "fail", reply: refused, reason: "no name of a host" };
    return { do: "dial", host, port, rest: this.bytes.slice(end) };
  }
}

/** The bound address is zeros, since programs do not need it. */
function socksReply(code: number): Uint8Array {
  return Uint8Array.of(SOCKS, code, 0, IPV4, 0, 0, 0, 0, 0, 0);
}
