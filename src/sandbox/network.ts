/** --network and --publish: which namespace, and who connects it. */
import { BrunError } from "../errors.ts";
import type { Hooks } from "../spec/index.ts";
import { NETWORKS, type NetworkMode, type SandboxOptions } from "./options.ts";
import type { HostView } from "./view.ts";

/** The network of a sandbox. */
export interface Network {
  readonly mode: NetworkMode;
  readonly hooks: Hooks | undefined;
  readonly notices: readonly string[];
}

/** A port of the host that leads to one of the container. */
export interface PublishedPort {
  readonly address: string | null;
  readonly host: number;
  readonly container: number;
  readonly protocol: "tcp" | "udp";
}

/**
 * The mode: the host's network for a sandbox of the host, none for another root unless one is asked for.
 * Throws a BrunError.
 */
export function networkOf(options: SandboxOptions, view: HostView): Network {
  const mode = options.network ?? (options.root.kind === "host" ? "host" : "none");
  if (!(NETWORKS as readonly string[]).includes(mode)) {
    throw new BrunError(`there is no network "${mode}"`, {
      where: "--network",
      hint: `one of ${NETWORKS.join(", ")}`,
    });
  }
  const ports = options.publish.map(parsePort);
  if (mode === "none" || mode === "host") {
    if (ports.length > 0) {
      throw new BrunError(`ports are published by pasta or slirp4netns, not with --network ${mode}`, {
        where: "--publish",
        hint: mode === "host" ? "the container's ports are the host's own" : "add --network pasta",
      });
    }
    return { mode, hooks: undefined, notices: [] };
  }
  void view;
  return { mode: mode as NetworkMode, hooks: undefined, notices: [] };
}

/** [ADDRESS:][HOST:]CONTAINER[/tcp|/udp] (podman-run(1)). */
export function parsePort(text: string): PublishedPort {
  const match =
    /^(?:(?:(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:]+\]):)?(\d{1,5}):)?(\d{1,5})(?:\/(tcp|udp))?$/.exec(text);
  const container = Number(match?.[3]);
  const host = Number(match?.[2] ?? match?.[3]);
  const valid = (port: number) => port > 0 && port < 65536;
  if (match === null || !valid(container) || !valid(host)) {
    throw new BrunError(`"${text}" is no port`, {
      where: "--publish",
      hint: "[ADDRESS:][HOST:]CONTAINER[/udp], such as 8080:80",
    });
  }
  return {
    address: match[1]?.replace(/[[\]]/g, "") ?? null,
    host,
    container,
    protocol: match[4] === "udp" ? "udp" : "tcp",
  };
}
