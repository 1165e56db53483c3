/** Connections from inside: finds their destination, checks the list, and connects or refuses them. */
import { E } from "../sys/errno.ts";
import { joined } from "../sys/utf8.ts";
import { addressText, parseIpv4 } from "./address.ts";
import { Head } from "./head.ts";
import { MOST_HELLO, readHello } from "./hello.ts";
import type { NetLog } from "./log.ts";
import type { Loop } from "./loop.ts";
import type { Failure, Outside } from "./outside.ts";
import { type Outcome, ProxyTalk } from "./proxy.ts";
import type { Policy } from "./rules.ts";
import { accept, localEnd, resetAtClose, send, tune } from "./socket.ts";
import { Pipes, Stream } from "./stream.ts";
import type { NameTable } from "./table.ts";

/** The maximum of connections. More are refused, so that a program cannot use up the relay's descriptors. */
export const MOST_CONNECTIONS = 4096;

/** The number of connections that are accepted in one turn. */
const BATCH = 64;

/** A connection that is not yet connected to its host. */
interface Visitor {
  readonly fd: number;
  readonly host: string;
  readonly port: number;
  /** The bytes that have already been read from it. */
  readonly head: Uint8Array;
  /** Tells a client of a proxy the outcome. */
  readonly tell?: ((how: Outcome) => void) | undefined;
}

/** Decides about a connection. `done` gets the reason of a refusal, or null if the connection is allowed. */
export type Decide = (host: string, port: number, done: (refusal: string | null) => void) => void;

/** The parts of the relay that the gate uses. */
export interface GateParts {
  readonly loop: Loop;
  readonly policy: Policy;
  readonly names: NameTable;
  readonly outside: Outside;
  readonly log: NetLog;
  readonly decide: Decide;
  /** Whether TLS has to ask for the name that was dialled. */
  readonly sni: boolean;
  readonly most: number;
}

export class Gate {
  private readonly pipes = new Pipes();
  private readonly streams = new Map<Stream, { readonly host: string; readonly port: number }>();
  /** The number of connections that are not streams yet. */
  private waiting = 0;

  constructor(private readonly parts: GateParts) {}

  /** Accepts connections of a listener for names. */
  accepted(listener: number): void {
    this.each(listener, (fd) => {
      const { address, port } = localEnd(fd);
      const host = this.parts.names.nameOf(address) ?? addressText(address);
      this.enter({ fd, host, port, head: new Uint8Array(0) });
    });
  }

  /** Accepts connections of the proxies' listener. */
  proxied(listener: number): void {
    this.each(listener, (fd) => this.talk(fd));
  }

  /** Closes the connections that the list no longer allows. */
  recheck(): void {
    for (const [stream, { host, port }] of this.streams)
      if (!this.parts.policy.allows(host, port)) stream.close(E.ECONNRESET);
  }

  /** Closes all connections. The log gets the bytes that each has moved. */
  end(): void {
    for (const stream of this.streams.keys()) stream.close(0);
  }

  private each(listener: number, enter: (fd: number) => void): void {
    for (let i = 0; i < BATCH; i++) {
      const fd = accept(listener);
      if (fd < 0) return;
      if (this.waiting + this.streams.size >= this.parts.most) {
        this.parts.log.write({
          event: "connect",
          verdict: "refused",
          reason: "too many connections at once",
        });
        this.drop(fd);
        continue;
      }
      this.waiting += 1;
      enter(fd);
    }
  }

  private talk(fd: number): void {
    const talk = new ProxyTalk();
    const fail = (reason: string) => {
      this.parts.log.write({ event: "connect", verdict: "refused", reason: `proxy: ${reason}` });
      this.leave(fd);
    };
    new Head(
      this.parts.loop,
      fd,
      (chunk) => {
        if (chunk.length === 0) return () => this.leave(fd);
        const turn = talk.feed(chunk);
        if (turn.reply !== undefined) send(fd, turn.reply);
        if (turn.do === "more") return null;
        if (turn.do === "fail") return () => fail(turn.reason);
        const tell = (how: Outcome) => send(fd, talk.outcome(how));
        // A client that resolves names itself sends the address that stands for a name.
        const host = this.parts.names.nameOfText(turn.host) ?? turn.host;
        return () => this.enter({ fd, host, port: turn.port, head: turn.rest, tell });
      },
      () => fail("it says nothing"),
    );
  }

  private enter(visitor: Visitor): void {
    this.parts.decide(visitor.host, visitor.port, (reason) => {
      if (reason === null) this.admit(visitor);
      else this.refuse(visitor, { verdict: "refused", reason });
    });
  }

  private admit(visitor: Visitor): void {
    const { sni } = this.parts;
    // TLS cannot ask for an address by name.
    if (!sni || parseIpv4(visitor.host) !== null) {
      this.dial(visitor);
      return;
    }
    // TLS begins after the proxy's reply.
    visitor.tell?.("connected");
    this.inspect({ ...visitor, tell: undefined }, (named) => this.dial(named));
  }

  /** Reads the client's first TLS message. Goes on if that asks for the name. */
  private inspect(visitor: Visitor, goOn: (visitor: Visitor) => void): void {
    const { loop } = this.parts;
    let head = visitor.head;
    const refuse = (reason: string) => this.refuse(visitor, { verdict: "refused", reason });
    const look = (isEnd: boolean): (() => void) | null => {
      const hello = readHello(head);
      if (hello.is === "more") {
        if (isEnd) return () => refuse("it ended before its TLS began");
        return head.length < MOST_HELLO + 4096 ? null : () => refuse("its TLS cannot be read");
      }
      if (hello.is === "other") return () => refuse("it does not speak TLS (--net-sni)");
      if (hello.is === "bad") return () => refuse("its TLS cannot be read (--net-sni)");
      if (hello.name === visitor.host) return () => goOn({ ...visitor, head });
      return () => refuse(`its TLS asks for ${hello.name ?? "no name"} (--net-sni)`);
    };
    const early = head.length > 0 ? look(false) : null;
    if (early !== null) {
      early();
      return;
    }
    new Head(
      loop,
      visitor.fd,
      (chunk) => {
        head = joined([head, chunk]);
        return look(chunk.length === 0);
      },
      () => refuse("it did not begin TLS"),
    );
  }

  private dial(visitor: Visitor): void {
    const { outside } = this.parts;
    const { host, port } = visitor;
    outside.connect(host, port, (result) => {
      if ("verdict" in result) this.refuse(visitor, result);
      else if (this.parts.policy.allows(host, port)) this.join(visitor, result.fd, result.address);
      else {
        this.parts.loop.close(result.fd);
        this.refuse(visitor, { verdict: "refused", reason: "it is not in the list any more" });
      }
    });
  }

  private join(visitor: Visitor, outside: number, address: string): void {
    const { log, loop } = this.parts;
    const { fd, host, port, head } = visitor;
    visitor.tell?.("connected");
    for (const each of [fd, outside]) tune(each);
    const sent = head.length === 0 ? 0 : send(outside, head);
    if (sent !== head.length) {
      loop.close(outside);
      this.refuse(visitor, { verdict: "failed", reason: "it ended at once", address });
      return;
    }
    log.write({ event: "connect", verdict: "allowed", name: host, port, address });
    this.waiting -= 1;
    const stream = new Stream(loop, this.pipes, fd, outside, sent, (ended) => {
      this.streams.delete(ended);
      const { sent, received } = ended;
      log.write({ event: "connect", verdict: "closed", name: host, port, address, sent, received });
    });
    this.streams.set(stream, { host, port });
  }

  private refuse({ fd, host, port, tell }: Visitor, { verdict, reason, address }: Failure): void {
    const where = address === undefined ? {} : { address };
    this.parts.log.write({ event: "connect", verdict, name: host, port, ...where, reason });
    tell?.(verdict);
    if (tell !== undefined) this.leave(fd);
    else {
      this.waiting -= 1;
      this.drop(fd);
    }
  }

  /** Closes a connection whose client has already been told the reason. */
  private leave(fd: number): void {
    this.waiting -= 1;
    this.parts.loop.close(fd);
  }

  private drop(fd: number): void {
    resetAtClose(fd);
    this.parts.loop.close(fd);
  }
}
