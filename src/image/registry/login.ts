/** Trying a login out, as `login` does before it is remembered. */
import { BrunError } from "../../errors.ts";
import { parseName } from "../reference.ts";
import { RegistryClient } from "./client.ts";
import { registryEndpoint } from "./conf.ts";
import type { Credentials } from "./credentials.ts";

/** The host of a registry as `login` takes it: "ghcr.io", "localhost:5000", "https://ghcr.io/". Throws a BrunError. */
export function registryHost(text: string): string {
  const host = text.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  try {
    const name = parseName(`${host}/x`);
    if (name.transport === "registry" && !name.short) return name.domain;
  } catch {
    // What the name of an image would be is nothing that was typed.
  }
  throw new BrunError(`"${text}" is no registry`, {
    code: "ERR_USAGE",
    hint: "such as docker.io, ghcr.io or HOST:PORT",
  });
}

/** Throws a BrunError (ERR_UNAUTHORIZED) when the registry refuses it. */
export async function tryLogin(host: string, credentials: Credentials, insecure: boolean): Promise<void> {
  const endpoint = registryEndpoint(host, "", insecure);
  await new RegistryClient({ endpoint, name: host, credentials, insecure, signal: undefined }).ping();
}
