/**
 * Connections to the outside: the addresses that a name may lead to, and a connection to the first that
 * answers.
 */
import { errnoText } from "../sys/errno.ts";
import { SysError } from "../sys/error.ts";
import { type Address, addressText, parseIpv4, reachOf } from "./address.ts";
import { EPOLL, type Loop } from "./loop.ts";
import type { Resolver } from "./resolver.ts";
import { leadsToOther } from "./routes.ts";
import type { Policy } from "./rules.ts";
import { dialError, dialTcp } from "./socket.ts";

/** The reason if there is no connection. */
export interface Failure {
  readonly verdict: "refused" | "failed";
  readonly reason: string;
  readonly address?: string;
  /** Whether the name does not exist. */
  readonly isUnknown?: boolean;
}

const ATTEMPT_MS = 10_000;

/** The relay's part outside of the container. */
export class Outside {
  constructor(
    private readonly loop: Loop,
    private readonly policy: Policy,
    private readonly resolver: Resolver,
    /** A netlink socket of the host's namespace. */
    private readonly netlink: number,
  ) {}

  /**
   * Finds the addresses of a host that may be dialled.
   * @param port null for any port
   */
  find(host: string, port: number | null, done: (found: readonly Address[] | Failure) => void): void {
    const literal = parseIpv4(host);
    if (literal !== null) {
      const reason = this.refusal(literal, port);
      done(reason === null ? [literal] : { verdict: "refused", reason, address: host });
      return;
    }
    this.resolver.resolve(host, ({ addresses, failure }) => {
      if (failure !== null) {
        done({ verdict: "failed", reason: failure, isUnknown: failure === "no such name" });
        return;
      }
      const reasons = addresses.map((address) => this.refusal(address, port));
      const allowed = addresses.filter((_, i) => reasons[i] === null);
      if (allowed.length > 0) {
        done(allowed);
        return;
      }
      done({ verdict: "refused", reason: reasons[0]!, address: addressText(addresses[0]!) });
    });
  }

  /** Connects to a host. Its addresses are tried one after the other. */
  connect(
    host: string,
    port: number,
    done: (result: { fd: number; address: string } | Failure) => void,
  ): void {
    this.find(host, port, (found) => {
      if ("verdict" in found) done(found);
      else this.attempt(found, 0, port, done);
    });
  }

  private attempt(
    addresses: readonly Address[],
    index: number,
    port: number,
    done: Parameters<Outside["connect"]>[2],
  ): void {
    const address = addresses[index]!;
    const next = (reason: string) => {
      if (index + 1 < addresses.length) this.attempt(addresses, index + 1, port, done);
      else done({ verdict: "failed", reason, address: addressText(address) });
    };
    let fd: number;
    try {
      fd = dialTcp({ address, port });
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      next(errnoText(error.errno));
      return;
    }
    const timer = this.loop.after(ATTEMPT_MS, () => {
      this.loop.close(fd);
      next("it does not answer");
    });
    this.loop.add(fd, EPOLL.OUT, () => {
      this.loop.cancel(timer);
      const errno = dialError(fd);
      if (errno === 0) {
        this.loop.remove(fd);
        done({ fd, address: addressText(address) });
      } else {
        this.loop.close(fd);
        next(errnoText(errno));
      }
    });
  }

  /** The reason why an address may not be dialled; null if it may. */
  private refusal(address: Address, port: number | null): string | null {
    const text = addressText(address);
    if (address.length === 4 && this.policy.namesAddress(text, port)) return null;
    const reach = reachOf(address);
    if (reach === "none") return `it leads to ${text}, which no host has`;
    if (reach === "local") return `it leads to ${text}, an address of this machine or its cloud`;
    const route = leadsToOther(this.netlink, address);
    if (route === "own") return `it leads to ${text}, an address of this machine`;
    if (route === "none") return `it leads to ${text}, to which there is no route`;
    if (reach === "private" && !this.policy.allowPrivate)
      return `it leads to ${text}, a private address: --allow-net-private`;
    return null;
  }
}
