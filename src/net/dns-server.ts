/**
 * The DNS server for the container: each allowed name gets an address that stands for it, and no other names
 * exist.
 */
import { E } from "../sys/errno.ts";
import { joined } from "../sys/utf8.ts";
import type { Address } from "./address.ts";
import { answer, framed, parseQuery, type Question, RCODE, refusal, TYPE, unframed } from "./dns-message.ts";
import { EPOLL, type Loop } from "./loop.ts";
import { accept, receive, receiveFrom, send, sendBack } from "./socket.ts";

/** Finds the address of a name, or the response code. */
export type Lookup = (name: string, done: (found: Address | number) => void) => void;

/** In seconds. The address of a name does not change during the container's life. */
const TTL = 30;
const MOST_CONNECTIONS = 64;
const IDLE_MS = 10_000;
/** The number of datagrams that are answered in one turn. */
const BATCH = 64;

/** Answers on both sockets, which are non-blocking. */
export class DnsServer {
  private connections = 0;

  constructor(
    private readonly loop: Loop,
    private readonly udp: number,
    private readonly tcp: number,
    private readonly lookup: Lookup,
  ) {
    loop.add(udp, EPOLL.IN, () => this.datagrams());
    loop.add(tcp, EPOLL.IN, () => this.accepted());
  }

  private respond(message: Uint8Array, reply: (bytes: Uint8Array) => void): void {
    const question = parseQuery(message);
    if (question === null) return;
    if ("error" in question) {
      reply(refusal(question.id, question.error));
      return;
    }
    this.find(question, reply);
  }

  private find(question: Question, reply: (bytes: Uint8Array) => void): void {
    this.lookup(question.name, (found) => {
      if (typeof found === "number") {
        reply(answer(question, found, [], TTL));
        return;
      }
      const wanted = question.type === TYPE.A || question.type === TYPE.ANY;
      reply(answer(question, RCODE.ok, wanted ? [found] : [], TTL));
    });
  }

  private datagrams(): void {
    const buffer = new Uint8Array(4096);
    for (let i = 0; i < BATCH; i++) {
      const { length, from } = receiveFrom(this.udp, buffer);
      if (length < 0) return;
      this.respond(buffer.slice(0, length), (bytes) => sendBack(this.udp, bytes, from));
    }
  }

  private accepted(): void {
    for (;;) {
      const fd = accept(this.tcp);
      if (fd < 0) return;
      if (this.connections >= MOST_CONNECTIONS) {
        this.loop.close(fd);
        continue;
      }
      this.connections += 1;
      new TcpClient(
        this.loop,
        fd,
        (message, reply) => this.respond(message, reply),
        () => {
          this.connections -= 1;
        },
      );
    }
  }
}

/** A connection over TCP. Each message is preceded by its length (RFC 7766). */
class TcpClient {
  private bytes: Uint8Array = new Uint8Array(0);
  private timer: object | null = null;
  private open = true;

  constructor(
    private readonly loop: Loop,
    private readonly fd: number,
    private readonly respond: (message: Uint8Array, reply: (bytes: Uint8Array) => void) => void,
    private readonly closed: () => void,
  ) {
    loop.add(fd, EPOLL.IN | EPOLL.RDHUP, () => this.heard());
    this.wait();
  }

  private wait(): void {
    this.loop.cancel(this.timer);
    this.timer = this.loop.after(IDLE_MS, () => this.close());
  }

  private heard(): void {
    const chunk = new Uint8Array(4096);
    const n = receive(this.fd, chunk);
    if (n === -E.EAGAIN) return;
    if (n <= 0) {
      this.close();
      return;
    }
    this.bytes = joined([this.bytes, chunk.subarray(0, n)]);
    for (let next = unframed(this.bytes); next !== null; next = unframed(this.bytes)) {
      this.bytes = next.rest;
      this.wait();
      this.respond(next.message, (reply) => {
        const bytes = framed(reply);
        // A client that does not read its answers is disconnected.
        if (this.open && send(this.fd, bytes) !== bytes.length) this.close();
      });
    }
  }

  private close(): void {
    if (!this.open) return;
    this.open = false;
    this.loop.cancel(this.timer);
    this.loop.close(this.fd);
    this.closed();
  }
}
