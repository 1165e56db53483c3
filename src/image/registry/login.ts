/** Tests a login before `login` stores it. */
import { BrunError } from "../../errors.ts";
import { parseName } from "../image-name.ts";
import { RegistryClient } from "./client.ts";
import { registryEndpoint } from "./conf.ts";
import type { Credentials } from "./credentials.ts";

/**
 * The host of a registry from an argument of `login`: "ghcr.io", "localhost:5000", "https://ghcr.io/". Throws a
 * BrunError.
 */
export function registryHost(text: string): string {
  const host = text.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  try {
    const name = parseName(`${host}/x`);
    if (name.transport === "registry" && !name.short) return name.domain;
  } catch {
    // The error would show a name that the user has not typed.
  }
  throw new BrunError(`"${text}" is no registry`, {
    code: "ERR_USAGE",
    hint: "such as docker.io, ghcr.io or HOST:PORT",
  });
}

/** Checks a login. Throws a BrunError (ERR_UNAUTHORIZED) if the registry refuses it. */
export async function tryLogin(host: string, credentials: Credentials, insecure: boolean): Promise<void> {
  const endpoint = registryEndpoint(host, "", insecure);
  await new RegistryClient({ endpoint, name: host, credentials, insecure, signal: undefined }).ping();
}
