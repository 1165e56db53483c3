/** `allowNet` for programs: its events as they happen, and a question for each name that is not in the list. */
import type { Duplex } from "node:stream";
import type { NetworkEvent } from "../net/log.ts";
import { NETWORK } from "./invoke.ts";
import { usage } from "./usage.ts";

/** The question to {@link NetworkListeners.mayReach}. */
export interface NetworkQuestion {
  /** The name that the program asks for. The program chooses it, so it may carry data, or look like another name. */
  readonly name: string;
  /** The port of a connection; null if the program asks only for the address of the name. */
  readonly port: number | null;
}

/**
 * The answer of {@link NetworkListeners.mayReach}. True allows this name on this port, or on 80 and 443 if there is no port.
 * A list allows these entries, which are like those of `allowNet`.
 */
export type NetworkAnswer = boolean | string | readonly string[];

/** Listeners for a container with `allowNet`. */
export interface NetworkListeners {
  /** Is called for each connection and each refusal when it happens, with the event that `netLog` writes. */
  readonly onNetwork?: ((event: NetworkEvent) => void) | undefined;
  /**
   * Is called for a name that is not in the list, while the program waits for its address or connection, up to 30 seconds. A name
   * that it allows is in the list from then on; a name that it refuses is refused from then on. If it throws, the name is refused,
   * with a warning. The address to which the name leads is checked like that of any other name.
   */
  readonly mayReach?: ((question: NetworkQuestion) => NetworkAnswer | Promise<NetworkAnswer>) | undefined;
}

/** A line from the relay. */
interface Asked {
  readonly ask?: number;
  readonly name: string;
  readonly port?: number;
}

/** How long the relay's last lines may take after brun has ended, in ms. */
const LAST_MS = 2000;

/** The flags for listeners. Throws a BrunError ERR_USAGE. */
export function networkFlags({ onNetwork, mayReach }: NetworkListeners, allowNet: unknown): string[] {
  for (const [name, listener] of Object.entries({ onNetwork, mayReach }))
    if (listener !== undefined && allowNet === undefined)
      throw usage(`${name}: it works only with allowNet`, "allowNet: [] allows none", name);
  if (mayReach !== undefined) return [`--net-client=${NETWORK},ask`];
  return onNetwork === undefined ? [] : [`--net-client=${NETWORK}`];
}

/** Our end of the socket to a relay. src/net/client.ts describes the protocol. */
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

  /** Waits for the last events, after brun has ended. */
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
