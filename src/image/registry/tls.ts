/** Certificate authorities for registries: SSL_CERT_FILE, the system's authorities, and the host's certs.d. */
import { variable } from "../../sys/environment.ts";
import { readdir, readTextIfThere } from "../../sys/fs.ts";

/** The `tls` option of fetch(). */
export interface TlsOptions {
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized?: boolean;
}

/**
 * The files of authorities in the distributions, in the order of Go's crypto/x509, as users of podman and
 * docker expect.
 */
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

/** The authorities of the machine. Empty if it has none: then Bun uses its built-in ones. */
function systemAuthorities(): string[] {
  const given = variable("SSL_CERT_FILE");
  for (const path of given ? [given] : BUNDLES) {
    const text = readable(path);
    if (text !== null) return [text];
  }
  return [];
}

/** Directories with certificates for a host (containers-certs.d(5)). */
function directories(host: string): string[] {
  const home = variable("HOME");
  return [
    ...(home ? [`${home}/.config/containers/certs.d/${host}`] : []),
    `/etc/containers/certs.d/${host}`,
    `/etc/docker/certs.d/${host}`,
  ];
}

/**
 * The TLS options for a registry.
 * @param host with its port, as in the image's name
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
