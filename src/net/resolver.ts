/**
 * Resolves names outside of the container by /etc/hosts and the servers of /etc/resolv.conf (resolv.conf(5)).
 * Search domains are not used, since names in a list are complete. getaddrinfo(3) would block all
 * connections, and plug-ins could change its answer.
 */
import { E } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { readTextIfThere } from "../sys/fs.ts";
import { joined } from "../sys/utf8.ts";
import { type Address, parseIpv4, parseIpv6 } from "./address.ts";
import { type Answer, DNS_PORT, framed, parseAnswer, query, RCODE, TYPE, unframed } from "./dns-message.ts";
import { EPOLL, type Loop } from "./loop.ts";
import { dialError, dialTcp, dialUdp, receive, send } from "./socket.ts";

/** The addresses of a name, or the reason why there are none. */
export interface Resolved {
  readonly addresses: readonly Address[];
  /**
   * "no such name" also for a name without addresses. "no server of names answers" if the servers have
   * failed.
   */
  readonly failure: "no such name" | "no server of names answers" | "too many names at once" | null;
  /** The end of the entry's life, in ms of performance.now(). */
  readonly until: number;
}

const TRY_MS = 2000;
const TRIES = 3;
/** How long to wait for the other kind of addresses. */
const LATE_MS = 500;
const LEAST_TTL = 5;
const MOST_TTL = 300;
const FAILED_TTL = 2;
const MOST_AT_ONCE = 128;
const MOST_KEPT = 16_384;

type Done = (resolved: Resolved) => void;

/** Resolves names, and caches the answers. */
export class Resolver {
  private readonly known = new Map<string, Resolved>();
  private readonly asked = new Map<string, Done[]>();

  constructor(private readonly loop: Loop) {}

  /** Calls `done` with the addresses of a name, at once or later. */
  resolve(name: string, done: Done): void {
    const known = this.known.get(name);
    if (known !== undefined && known.until > performance.now()) {
      done(known);
      return;
    }
    const waiting = this.asked.get(name);
    if (waiting !== undefined) {
      waiting.push(done);
      return;
    }
    const listed = hostsEntries(readTextIfThere("/etc/hosts") ?? "", name);
    if (listed.length > 0) {
      done(this.keep(name, { addresses: listed, failure: null, until: ttl(LEAST_TTL) }));
      return;
    }
    if (this.asked.size >= MOST_AT_ONCE) {
      done({ addresses: [], failure: "too many names at once", until: 0 });
      return;
    }
    this.asked.set(name, [done]);
    this.ask(name, (resolved) => {
      const all = this.asked.get(name) ?? [];
      this.asked.delete(name);
      this.keep(name, resolved);
      for (const each of all) each(resolved);
    });
  }

  private keep(name: string, resolved: Resolved): Resolved {
    if (this.known.size >= MOST_KEPT) this.known.clear();
    this.known.set(name, resolved);
    return resolved;
  }

  /**
   * Asks for IPv4 and IPv6 addresses at once. After the first answer, the other may take {@link LATE_MS}
   * more.
   */
  private ask(name: string, done: Done): void {
    const servers = nameServers(readTextIfThere("/etc/resolv.conf") ?? "");
    const answers: (Answer | null)[] = [];
    let late: object | null = null;
    let isOver = false;
    const finish = () => {
      if (isOver) return;
      isOver = true;
      this.loop.cancel(late);
      for (const question of questions) question.end();
      done(together(answers));
    };
    const told = (answer: Answer | null) => {
      answers.push(answer);
      if (answers.length === 2) finish();
      else if (answer !== null && answer.addresses.length > 0) late = this.loop.after(LATE_MS, finish);
    };
    const questions = [TYPE.A, TYPE.AAAA].map((type) => new Lookup(this.loop, servers, name, type, told));
    for (const question of questions) question.begin();
  }
}

function ttl(seconds: number): number {
  return performance.now() + 1000 * Math.min(Math.max(seconds, LEAST_TTL), MOST_TTL);
}

function together(answers: readonly (Answer | null)[]): Resolved {
  const addresses = answers.flatMap((answer) => answer?.addresses ?? []).sort((a, b) => a.length - b.length);
  if (addresses.length > 0) {
    const found = answers.flatMap((answer) => (answer?.addresses.length ? [answer.ttl] : []));
    return { addresses, failure: null, until: ttl(Math.min(...found)) };
  }
  const said = answers.some((answer) => answer?.rcode === RCODE.ok || answer?.rcode === RCODE.nxDomain);
  const failure = said ? "no such name" : "no server of names answers";
  return { addresses, failure, until: performance.now() + 1000 * FAILED_TTL };
}

/** Asks one server after the other for records of one type. */
class Lookup {
  private readonly id: number;
  private readonly message: Uint8Array;
  private fd = -1;
  private timer: object | null = null;
  private tries = 0;
  private over = false;

  constructor(
    private readonly loop: Loop,
    private readonly servers: readonly Address[],
    private readonly name: string,
    private readonly type: number,
    private readonly told: (answer: Answer | null) => void,
  ) {
    this.id = crypto.getRandomValues(new Uint16Array(1))[0]!;
    this.message = query(this.id, name, type);
  }

  begin(): void {
    this.hangUp();
    if (this.tries >= TRIES || this.tries >= 2 * this.servers.length) {
      this.finish(null);
      return;
    }
    const server = this.servers[this.tries++ % this.servers.length]!;
    this.timer = this.loop.after(TRY_MS, () => this.begin());
    try {
      this.fd = dialUdp({ address: server, port: DNS_PORT });
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      this.loop.soon(() => this.over || this.begin());
      return;
    }
    send(this.fd, this.message);
    this.loop.add(this.fd, EPOLL.IN, () => this.heard(server));
  }

  end(): void {
    this.over = true;
    this.hangUp();
  }

  private heard(server: Address): void {
    const buffer = new Uint8Array(4096);
    const n = receive(this.fd, buffer);
    if (n === -E.EAGAIN) return;
    // No server listens there.
    if (n < 0) {
      this.begin();
      return;
    }
    const answer = parseAnswer(buffer.subarray(0, n), this.id, this.name, this.type);
    if (answer === null) return;
    if (answer.truncated) this.byTcp(server);
    else if (answer.rcode === RCODE.ok || answer.rcode === RCODE.nxDomain) this.finish(answer);
    else this.begin();
  }

  private byTcp(server: Address): void {
    this.hangUp();
    this.timer = this.loop.after(TRY_MS, () => this.begin());
    let buffer = new Uint8Array(0);
    let isSent = false;
    try {
      this.fd = dialTcp({ address: server, port: DNS_PORT });
    } catch {
      this.begin();
      return;
    }
    this.loop.add(this.fd, EPOLL.IN | EPOLL.OUT | EPOLL.ET, (what) => {
      if (!isSent) {
        if ((what & EPOLL.OUT) === 0 || dialError(this.fd) !== 0) {
          this.begin();
          return;
        }
        isSent = true;
        send(this.fd, framed(this.message));
      }
      for (;;) {
        const chunk = new Uint8Array(4096);
        const n = receive(this.fd, chunk);
        if (n === -E.EAGAIN) return;
        if (n <= 0) {
          this.begin();
          return;
        }
        buffer = joined([buffer, chunk.subarray(0, n)]);
        const reply = unframed(buffer);
        if (reply === null) continue;
        const answer = parseAnswer(reply.message, this.id, this.name, this.type);
        return answer === null ? this.begin() : this.finish(answer);
      }
    });
  }

  private finish(answer: Answer | null): void {
    if (this.over) return;
    this.end();
    this.told(answer);
  }

  private hangUp(): void {
    this.loop.cancel(this.timer);
    this.timer = null;
    if (this.fd >= 0) this.loop.close(this.fd);
    this.fd = -1;
  }
}

/** The servers of resolv.conf(5): up to three; this machine if the file has none. */
export function nameServers(text: string): Address[] {
  const found = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].flatMap(([, word = ""]) => {
    const address = parseIpv4(word) ?? parseIpv6(word);
    return address === null ? [] : [address];
  });
  return found.length > 0 ? found.slice(0, 3) : [Uint8Array.of(127, 0, 0, 1)];
}

/** The addresses of a name in hosts(5). */
export function hostsEntries(text: string, name: string): Address[] {
  return text.split("\n").flatMap((line) => {
    const [word = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (!names.some((each) => each.toLowerCase() === name)) return [];
    const address = parseIpv4(word) ?? parseIpv6(word);
    return address === null ? [] : [address];
  });
}
