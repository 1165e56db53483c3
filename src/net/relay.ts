/**
 * The relay: a process outside that holds sockets of a container's network namespace, and connects their
 * clients to the allowed names. The namespace has no other way out. So everything is closed if the relay does
 * not run. It ends with the container's first process.
 */
import { BrunError } from "../errors.ts";
import { SysError } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { close } from "../sys/fs.ts";
import { openNetlink } from "../sys/netlink.ts";
import { addressText, parseIpv4 } from "./address.ts";
import type { Attempt } from "./attempt.ts";
import { type Version, watchAttempts } from "./attempts.ts";
import { NetClient, type NetClientOptions } from "./client.ts";
import type { Control, ListChange } from "./control.ts";
import { DNS_PORT, RCODE } from "./dns-message.ts";
import { DnsServer } from "./dns-server.ts";
import { type Decide, Gate, MOST_CONNECTIONS } from "./gate.ts";
import { leadToRelay, UnreachableByUdp } from "./heard-routes.ts";
import { type InsideSockets, socketsInside } from "./inside.ts";
import { NetLog } from "./log.ts";
import { EPOLL, Loop } from "./loop.ts";
import { Outside } from "./outside.ts";
import { Resolver } from "./resolver.ts";
import { leadsToOther, routeAddress, routeToRelay } from "./routes.ts";
import { MOST_PORTS, NOT_LISTED, Policy, parseRules, portsOf, type Rule, ruleText } from "./rules.ts";
import { bindTo, listenOn } from "./socket.ts";
import { isInRange, NameTable, OWN_ADDRESS } from "./table.ts";

/** The flags for a relay. */
export interface RelayOptions {
  /** The values of --allow-net. */
  readonly allow: readonly string[];
  readonly allowPrivate: boolean;
  /** The absolute path of --net-log. */
  readonly log?: string | undefined;
  readonly sni: boolean;
  /** The program that gets events as they happen. */
  readonly client?: NetClientOptions | undefined;
}

/** The port for proxies. */
const PROXY_PORT = 1080;
const OWN_TEXT = addressText(OWN_ADDRESS);
const OWN_PORTS: readonly number[] = [DNS_PORT, PROXY_PORT];
const NO_PORT = "no entry has this port";
const ANY_ADDRESS = Uint8Array.of(0, 0, 0, 0);
const RLIMIT_NOFILE = 7;
/** A connection takes two sockets, and a pipe while the receiver of its bytes is slow. */
const DESCRIPTORS_EACH = 4;
const DESCRIPTORS_BESIDES = 512;
/** The minimum, even if the limit is only some hundred descriptors. */
const LEAST_CONNECTIONS = 16;
/** In ms. A name that is refused again and again is logged only once in this time. */
const REPEAT_MS = 1000;

/** The relay's state. */
class Relay {
  private readonly loop: Loop;
  private readonly policy: Policy;
  private readonly log: NetLog;
  private readonly names = new NameTable();
  private readonly outside: Outside;
  private readonly gate: Gate;
  private readonly client: NetClient | null;
  private readonly listening = new Set<number>();
  private readonly routed = new Set<string>();
  private readonly told = new Map<string, number>();
  private readonly byUdp: UnreachableByUdp;

  constructor(
    options: RelayOptions,
    private readonly inside: InsideSockets,
  ) {
    const rules = parseRules(options.allow);
    this.log = new NetLog(options.log);
    this.loop = new Loop((error) =>
      this.log.write({ event: "connect", verdict: "failed", reason: `brun: ${(error as Error).message}` }),
    );
    this.policy = new Policy([], options.allowPrivate);
    this.byUdp = new UnreachableByUdp(inside.netlink);
    this.outside = new Outside(this.loop, this.policy, new Resolver(this.loop), openNetlink());
    this.client = this.clientOf(options.client);
    const { loop, policy, names, outside, log } = this;
    const most = Math.min(
      MOST_CONNECTIONS,
      Math.max(LEAST_CONNECTIONS, Math.floor((mostDescriptors() - DESCRIPTORS_BESIDES) / DESCRIPTORS_EACH)),
    );
    const decide: Decide = (host, port, done) => this.decide(host, port, done);
    this.gate = new Gate({ loop, policy, names, outside, log, decide, sni: options.sni, most });
    routeToRelay(inside.netlink);
    const dns = { address: OWN_ADDRESS, port: DNS_PORT };
    const tcp = this.socket();
    bindTo(inside.udp, dns);
    listenOn(tcp, dns);
    new DnsServer(loop, inside.udp, tcp, (name, done) => this.lookUp(name, done));
    const proxy = this.socket();
    listenOn(proxy, { address: OWN_ADDRESS, port: PROXY_PORT });
    loop.add(proxy, EPOLL.IN, () => this.gate.proxied(proxy));
    if (options.log !== undefined || this.client !== null) {
      this.hear("v4");
      this.hear("v6");
    }
    this.open(rules);
  }

  /** Runs until the container ends. */
  run(pidfd: number, control: Control): void {
    this.loop.add(pidfd, EPOLL.IN, () => {
      this.gate.end();
      this.loop.stop();
    });
    control.serve(this.loop, (change) => this.change(change));
    this.loop.run();
    this.client?.end();
  }

  private clientOf(options: NetClientOptions | undefined): NetClient | null {
    if (options === undefined) return null;
    const client = new NetClient(this.loop, options, (entries, name) => {
      try {
        this.open(parseRules(entries));
        this.log.write({ event: "list", verdict: "changed", allow: this.policy.rules.map(ruleText) });
      } catch (error) {
        this.log.write({ event: "list", verdict: "failed", name, reason: (error as Error).message });
      }
    });
    this.log.listener = (event) => client.tell(event);
    return client;
  }

  /**
   * Decides about a name by the list. A program of the API is asked for a name that is not in the list, and may
   * add it. `done` gets the reason of a refusal, or null if the name is allowed.
   * @param port null for a DNS question
   */
  private decide(name: string, port: number | null, done: (refusal: string | null) => void): void {
    const isAllowed = () => (port === null ? this.policy.knows(name) : this.policy.allows(name, port));
    if (isAllowed()) done(null);
    else if (this.client === null) done(NOT_LISTED);
    else this.client.ask(name, port, (why) => done(isAllowed() ? null : why));
  }

  /** Adds rules. The steps that can fail come first. Throws a SysError or BrunError. */
  private open(rules: readonly Rule[]): void {
    const ports = portsOf(rules).filter((port) => !this.listening.has(port));
    if (ports.length > this.inside.tcp.length)
      throw new BrunError(`more than ${MOST_PORTS} different ports`, {
        code: "ERR_USAGE",
        where: "--allow-net",
      });
    for (const { host, kind } of rules) {
      if (kind !== "address" || host.startsWith("127.") || this.routed.has(host)) continue;
      routeAddress(this.inside.netlink, parseIpv4(host)!);
      this.routed.add(host);
    }
    for (const port of ports) {
      const socket = this.socket();
      try {
        listenOn(socket, { address: ANY_ADDRESS, port });
      } catch (error) {
        close(socket);
        if (!(error instanceof SysError)) throw error;
        throw new BrunError(`port ${port} is taken inside: a program listens there`, {
          where: "--allow-net",
        });
      }
      this.listening.add(port);
      this.loop.add(socket, EPOLL.IN, () => this.gate.accepted(socket));
    }
    this.policy.add(rules);
  }

  private change({ allow, deny, allowPrivate }: ListChange): void {
    const added = parseRules(allow);
    const removed = parseRules(deny, "--deny-net");
    const unknown = removed.filter((rule) => !this.policy.has(rule));
    if (unknown.length > 0)
      throw new BrunError(`${unknown.map(ruleText).join(", ")} is not in the list`, {
        where: "--deny-net",
        hint: `the list is ${this.policy.rules.map(ruleText).join(", ") || "empty"}`,
      });
    this.open(added);
    this.policy.remove(removed);
    if (allowPrivate) this.policy.allowPrivate = true;
    this.gate.recheck();
    this.log.write({ event: "list", verdict: "changed", allow: this.policy.rules.map(ruleText) });
  }

  private lookUp(name: string, done: (found: Uint8Array | number) => void): void {
    this.decide(name, null, (refusal) => {
      if (refusal === null) {
        this.find(name, done);
        return;
      }
      this.tell(name, "refused", refusal);
      done(RCODE.nxDomain);
    });
  }

  private find(name: string, done: (found: Uint8Array | number) => void): void {
    this.outside.find(name, null, (found) => {
      if ("verdict" in found) {
        this.tell(name, found.verdict, found.reason);
        return done(found.isUnknown || found.verdict === "refused" ? RCODE.nxDomain : RCODE.servFail);
      }
      const address = this.names.addressOf(name);
      if (address === null) this.tell(name, "refused", "too many names");
      done(address ?? RCODE.servFail);
    });
  }

  /** Hears of what no socket hears of. Without it everything is refused as well, but not logged. */
  private hear(version: Version): void {
    const { loop, inside, log } = this;
    const unheard = (reason: string) =>
      log.write({
        event: "connect",
        verdict: "failed",
        reason: `refused addresses are not logged: ${reason}`,
      });
    const isWatched = watchAttempts(loop, inside.packets[version], version, (attempt) =>
      this.attempted(attempt),
    );
    try {
      if (isWatched) leadToRelay(inside.netlink, version);
      else unheard("the kernel has no packet sockets");
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      unheard(error.message);
    }
  }

  /**
   * Handles an attempt that is refused. If the port is allowed now, the next one succeeds. The result tells
   * whether the relay has to answer: the kernel does so for its own addresses.
   */
  private attempted({ protocol, address, port }: Attempt): boolean {
    const text = addressText(address);
    const isOurs = isInRange(address) || this.routed.has(text);
    // A program with CAP_NET_ADMIN may have addresses of its own.
    if (!isOurs && leadsToOther(this.inside.netlink, address) === "own") return false;
    const name = this.names.nameOf(address);
    const where = { name: name ?? text, port };
    const refused = (reason: string) => {
      if (this.isNews(`${protocol} ${where.name}:${port}`))
        this.log.write({ event: "connect", verdict: "refused", ...where, reason });
    };
    if (protocol === "UDP") {
      refused("only TCP goes out");
      if (!isOurs) this.byUdp.add(address);
    } else if (!isOurs) refused(NOT_LISTED);
    else if (this.listening.has(port) || (text === OWN_TEXT && OWN_PORTS.includes(port))) return false;
    else if (name === null) refused(NO_PORT);
    else this.decide(name, port, (refusal) => refusal !== null && refused(NO_PORT));
    return !isOurs;
  }

  private tell(name: string, verdict: "refused" | "failed", reason: string): void {
    if (this.isNews(name)) this.log.write({ event: "dns", verdict, name, reason });
  }

  private isNews(what: string): boolean {
    const now = performance.now();
    if (now - (this.told.get(what) ?? -REPEAT_MS) < REPEAT_MS) return false;
    if (this.told.size > 1000) this.told.clear();
    this.told.set(what, now);
    return true;
  }

  private socket(): number {
    return this.inside.tcp.pop()!;
  }
}

function mostDescriptors(): number {
  const limit = new BigUint64Array(2);
  syscall(NR.prlimit64, 0, RLIMIT_NOFILE, 0, limit);
  return Number(limit[0]);
}

/** The number of sockets besides those of the ports: DNS over TCP, and proxies. */
const BESIDES = 2;

/**
 * Runs the relay of a container until the container has ended. Throws a BrunError or SysError before `ready`.
 * @param pid the container's first process
 * @param control receives changes of the list
 * @param ready called when the relay is set up
 */
export function relay(options: RelayOptions, pid: number, control: Control, ready: () => void): void {
  const pidfd = syscall(NR.pidfd_open, pid, 0);
  if (pidfd < 0) throw new SysError("open the container's process", -pidfd);
  const works = new Relay(options, socketsInside(pid, MOST_PORTS + BESIDES));
  ready();
  works.run(pidfd, control);
  control.end();
}
