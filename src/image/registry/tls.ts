/** Whom a registry's TLS certificate is checked by: SSL_CERT_FILE, the system's authorities, certs.d of the host. */
import { variable } from "../../sys/environment.ts";
import { readdir, readTextIfThere } from "../../sys/fs.ts";

/** What fetch() takes as `tls`. */
export interface TlsOptions {
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized?: boolean;
}

/** Where distributions keep them, in the order of Go's crypto/x509, whose programs' users expect it. */
const BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

function readable(path: string): string | null {
  try {
    return readTextIfThere(path);
  } catch {
    return null;
  }
}

/** The authorities of the machine; Bun's own where it has none. */
function systemAuthorities(): string[] {
  const given = variable("SSL_CERT_FILE");
  for (const path of given ? [given] : BUNDLES) {
    const text = readable(path);
    if (text !== null) return [text];
  }
  return [];
}

/** Directories that may have certificates for a host (containers-certs.d(5)). */
function directories(host: string): string[] {
  const home = variable("HOME");
  return [
    ...(home ? [`${home}/.config/containers/certs.d/${host}`] : []),
    `/etc/containers/certs.d/${host}`,
    `/etc/docker/certs.d/${host}`,
  ];
}

/**
 * What to connect to a registry with.
 * @param host with its port, as the name has it
 * @param insecure certificates are not checked
 */
export function tlsOptions(host: string, insecure: boolean): TlsOptions {
  const extra: string[] = [];
  let client: Pick<TlsOptions, "cert" | "key"> = {};
  for (const directory of directories(host)) {
    let names: string[];
    try {
      names = readdir(directory).sort();
    } catch {
      continue;
    }
    for (const name of names) {
      const text = readable(`${directory}/${name}`);
      if (text === null) continue;
      if (name.endsWith(".crt")) extra.push(text);
      const key = name.endsWith(".cert") ? readable(`${directory}/${name.slice(0, -5)}.key`) : null;
      if (key !== null) client = { cert: text, key };
    }
    if (extra.length > 0 || client.cert !== undefined) break;
  }
  const system = systemAuthorities();
  const given = [...system, ...extra];
  return {
    ...(given.length > 0 && { ca: given }),
    ...client,
    ...(insecure && { rejectUnauthorized: false }),
  };
}
