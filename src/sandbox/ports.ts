/** Publishes ports of a container on the host. */
import { BrunError } from "../errors.ts";

/** A published port. Without an address it is on all addresses of the host. */
export interface PublishedPort {
  readonly address: string | null;
  readonly host: number;
  readonly container: number;
  readonly protocol: "tcp" | "udp";
}

const PORT = /^(?:(?:(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:]+\]):)?(\d{1,5}):)?(\d{1,5})(?:\/(tcp|udp))?$/;

/** Parses [[ADDRESS:]HOST:]CONTAINER[/tcp|/udp] (podman-run(1)). Throws a BrunError. */
export function parsePort(text: string): PublishedPort {
  const match = PORT.exec(text);
  const container = Number(match?.[3]);
  const host = Number(match?.[2] ?? match?.[3]);
  const valid = (port: number) => port > 0 && port < 65536;
  if (match === null || !valid(container) || !valid(host)) {
    throw new BrunError(`"${text}" is no port`, {
      where: "--publish",
      hint: "[[ADDRESS:]HOST:]CONTAINER[/udp], such as 8080:80",
    });
  }
  const protocol = match[4] === "udp" ? "udp" : "tcp";
  return { address: match[1]?.replace(/[[\]]/g, "") ?? null, host, container, protocol };
}

/** The text of a port, for {@link parsePort}. */
export function portText({ address, host, container, protocol }: PublishedPort): string {
  const where = address === null ? "" : `${address.includes(":") ? `[${address}]` : address}:`;
  return `${where}${host}:${container}/${protocol}`;
}
