/** Why a registry cannot be spoken to, for people. */
import { connect } from "node:tls";
import { BrunError } from "../../errors.ts";
import { printable } from "../../printable.ts";
import { variable } from "../../sys/environment.ts";

/** How long a server's certificate is waited for, in milliseconds. */
const CERTIFICATE_TIMEOUT = 5000;
const HTTPS_PORT = 443;

const codeOf = (error: unknown): string => String((error as { code?: unknown }).code ?? "");

/** Whether TLS was the matter, with a server that has none or a certificate that nobody vouches for. */
export function isTlsFailure(error: unknown): boolean {
  const cause = error instanceof BrunError ? error.cause : error;
  return /CERT|SSL|TLS|ALTNAME|SELF_SIGNED|issuer|certificate|WRONG_VERSION/i.test(
    `${codeOf(cause)} ${(cause as Error)?.message ?? ""}`,
  );
}

/** What a request ends with that is not answered in time. */
export const SILENCE = "it does not answer";

export function isSilence(error: unknown): boolean {
  return (error as Error | undefined)?.message === SILENCE;
}

/** The error of a request that got no answer. */
export async function unreachable(url: string, cause: unknown): Promise<BrunError> {
  const { host } = new URL(url);
  const code = codeOf(cause);
  const message = (cause as Error).message ?? String(cause);
  const details = { code: "ERR_NETWORK", cause } as const;
  if (isTlsFailure(cause)) {
    // One that does not speak TLS shows none.
    const whose = /WRONG_VERSION/.test(`${code} ${message}`) ? null : await certificateText(url);
    return new BrunError(
      `the certificate of ${host} is not accepted: ${message}${whose === null ? "" : ` (${whose})`}`,
      {
        ...details,
        hint: `put its authority into ~/.config/containers/certs.d/${host}/ca.crt, or name it by SSL_CERT_FILE`,
      },
    );
  }
  const proxy = proxyOf(url);
  const between = proxy === null ? "" : ` by the proxy ${proxy.host}`;
  if (/ENOTFOUND|DNS|EAI_|getaddrinfo|FailedToOpenSocket/i.test(`${code} ${message}`)) {
    return new BrunError(`${host} is not found${between}`, {
      ...details,
      hint: proxy === null ? "is the name right, and is there a network?" : `${proxy.variable} names it`,
    });
  }
  if (/ConnectionRefused|ECONNREFUSED|Unable to connect/i.test(`${code} ${message}`)) {
    return new BrunError(`${host} cannot be reached${between}`, {
      ...details,
      hint:
        proxy === null
          ? "is there a network? HTTPS_PROXY names a proxy"
          : `is ${proxy.variable} right? NO_PROXY names hosts that need none`,
    });
  }
  return new BrunError(`${host}: ${message}${between}`, details);
}

/** The proxy that the environment names for an address; null for none. Its login is left out. */
function proxyOf(url: string): { readonly variable: string; readonly host: string } | null {
  const { protocol, hostname, host } = new URL(url);
  const without = (variable("NO_PROXY") || variable("no_proxy") || "").split(",").map((name) => name.trim());
  const isLeftOut = (name: string): boolean =>
    name === "*" ||
    (name !== "" && (name === hostname || name === host || hostname.endsWith(`.${name.replace(/^\./, "")}`)));
  if (without.some(isLeftOut)) return null;
  const name = protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  for (const one of [name, name.toLowerCase()]) {
    const value = variable(one);
    if (!value) continue;
    try {
      return { variable: one, host: new URL(value).host };
    } catch {
      return { variable: one, host: one };
    }
  }
  return null;
}

/** Whose certificate a server shows, who issued it, for which names and until when; null where it shows none. */
function certificateText(url: string): Promise<string | null> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve) => {
    // Nothing is sent to it: who it says that it is, is all that is wanted.
    const options = { host, port: Number(port) || HTTPS_PORT, rejectUnauthorized: false };
    const socket = connect(/^[\d.]+$|:/.test(host) ? options : { ...options, servername: host });
    const end = (text: string | null): void => {
      socket.destroy();
      resolve(text);
    };
    socket.setTimeout(CERTIFICATE_TIMEOUT, () => end(null));
    socket.on("error", () => end(null));
    socket.on("secureConnect", () => {
      const { subject, issuer, subjectaltname, valid_to: until } = socket.getPeerCertificate();
      const name = (of: unknown): string => {
        const { CN, O } = (of ?? {}) as { CN?: unknown; O?: unknown };
        return CN === undefined ? `O=${O ?? "?"}` : `CN=${CN}`;
      };
      const names = subjectaltname ? `, for ${subjectaltname}` : "";
      const text = `${name(subject)}, issued by ${name(issuer)}${names}, valid until ${until}`;
      end(printable(text, true).slice(0, 300));
    });
  });
}
