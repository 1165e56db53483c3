/** A network by name, from the program that has started it: what happens, as it happens, and names that it may allow. */
import type { Duplex } from "node:stream";
import { BrunError } from "../errors.ts";
import type { NetworkEvent } from "../net/log.ts";
import { NETWORK } from "./invoke.ts";

/** What {@link NetworkListeners.mayReach} is asked. */
export interface NetworkQuestion {
  /** What the program asks for, and chooses: its name may carry data, or look like another one. */
  readonly name: string;
  /** The port of a connection; null when the program asks for the address of the name, whatever it does with that. */
  readonly port: number | null;
}

/**
 * What {@link NetworkListeners.mayReach} answers. True: this name, on this port, or on 80 and 443 where there is none. Entries as
 * of `allowNet`: these.
 */
export type NetworkAnswer = boolean | string | readonly string[];

/** Who hears of a container with `allowNet`. */
export interface NetworkListeners {
  /** Hears of each connection and each refusal as it happens: what `netLog` writes. */
  readonly onNetwork?: ((event: NetworkEvent) => void) | undefined;
  /**
   * Is asked for a name that is not in the list, while the program waits for its address or connection: up to 30 seconds. What it
   * allows is in the list from then on; what it refuses is refused from then on, as is what it throws for, which is a warning. The
   * address that the name leads to is checked as that of any other name.
   */
  readonly mayReach?: ((question: NetworkQuestion) => NetworkAnswer | Promise<NetworkAnswer>) | undefined;
}

/** A line from the relay. */
interface Asked {
  readonly ask?: number;
  readonly name: string;
  readonly port?: number;
}

/** How long its last lines may take when all of brun has ended. */
const LAST_MS = 2000;

/** The flags for listeners. Throws a BrunError ERR_USAGE. */
export function networkFlags({ onNetwork, mayReach }: NetworkListeners, allowNet: unknown): string[] {
  for (const [name, listener] of Object.entries({ onNetwork, mayReach })) {
    if (listener === undefined) continue;
    const usage = { code: "ERR_USAGE", where: name } as const;
    if (allowNet !== undefined) continue;
    const hint = "allowNet: [] allows none";
    throw new BrunError(`${name}: it is about names that are reached by allowNet`, { ...usage, hint });
  }
  if (mayReach !== undefined) return [`--net-client=${NETWORK},ask`];
  return onNetwork === undefined ? [] : [`--net-client=${NETWORK}`];
}

/** Our end of the socket to a relay: the protocol is in src/net/client.ts. */
export class NetworkChannel {
  private buffer = "";
  private readonly over: Promise<void>;

  /** @param onWarning hears what {@link NetworkListeners.mayReach} has thrown */
  constructor(
    private readonly socket: Duplex | null,
    private readonly listeners: NetworkListeners,
    private readonly onWarning: ((message: string) => void) | undefined,
  ) {
    socket?.setEncoding("utf8");
    socket?.on("data", (text: string) => this.take(text));
    this.over = new Promise((resolve) => {
      if (socket === null) resolve();
      for (const event of ["end", "close", "error"]) socket?.on(event, () => resolve());
    });
  }

  /** Waits for the last events: brun has ended, and its relay. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.socket?.destroy(), LAST_MS);
    await this.over;
    clearTimeout(timer);
    this.socket?.destroy();
  }

  private take(text: string): void {
    const lines = (this.buffer + text).split("\n");
    this.buffer = lines.pop()!;
    for (const line of lines) {
      const told: NetworkEvent | Asked = JSON.parse(line);
      if ("event" in told) this.listeners.onNetwork?.(told);
      else void this.answer(told);
    }
  }

  private async answer({ ask, name, port: given }: Asked): Promise<void> {
    const port = given ?? null;
    let allow: readonly string[] = [];
    try {
      allow = entries({ name, port }, await this.listeners.mayReach?.({ name, port }));
    } catch (error) {
      this.onWarning?.(`mayReach: ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    const json = JSON.stringify({ answer: ask, allow });
    this.socket?.write(`${json}\n`);
  }
}

function entries({ name, port }: NetworkQuestion, answer: NetworkAnswer | undefined): readonly string[] {
  if (answer === true) return [port === null ? name : `${name}:${port}`];
  if (answer === false || answer === undefined) return [];
  return typeof answer === "string" ? [answer] : answer;
}
