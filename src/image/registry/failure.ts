/**
 * Errors for registries that cannot be reached, made from the errors of fetch() and from the server's
 * certificate.
 */
import { BlockList, isIP } from "node:net";
import { connect, type PeerCertificate } from "node:tls";
import { BrunError } from "../../errors.ts";
import { printable } from "../../printable.ts";
import { variable } from "../../sys/environment.ts";
import { isLoopback } from "./loopback.ts";

const codeOf = (error: unknown): string => String((error as { code?: unknown }).code ?? "");

/** Whether a request that failed this way may succeed when it is repeated. */
export function isPassing(error: unknown): boolean {
  if (isSilence(error)) return true;
  return /ECONNRESET|ConnectionClosed|ConnectionReset|ETIMEDOUT|Timeout|EPIPE|EAI_AGAIN/i.test(
    `${codeOf(error)} ${(error as Error).message}`,
  );
}

/** The message for a request that was not answered in time. */
export const SILENCE = "it does not answer";

export function isSilence(error: unknown): boolean {
  return (error as Error | undefined)?.message === SILENCE;
}

/** A reason for which a certificate is not accepted. */
interface Reason {
  /** Error codes of OpenSSL and Node.js. */
  readonly code: RegExp;
  readonly why: string;
  /** The subject of the hint. */
  readonly about: "names" | "clock" | "authority";
}

const REASONS: readonly Reason[] = [
  { code: /ALTNAME/, why: "it is for other names", about: "names" },
  { code: /EXPIRED/, why: "it has expired", about: "clock" },
  { code: /NOT_YET_VALID/, why: "it is not valid yet", about: "clock" },
  { code: /SELF_SIGNED/, why: "it is self-signed", about: "authority" },
  {
    code: /ISSUER|LEAF_SIGNATURE|CHAIN|UNTRUSTED/,
    why: "nobody that this machine trusts vouches for it",
    about: "authority",
  },
  { code: /REVOKED/, why: "it has been revoked", about: "authority" },
  { code: /CERT|SIGNATURE/, why: "it is not sound", about: "authority" },
];

/** Whether a certificate was not accepted. Then the server speaks TLS. */
export function isCertificateFailure(error: unknown): boolean {
  const cause = error instanceof BrunError ? error.cause : error;
  return reasonOf(cause) !== undefined;
}

function reasonOf(cause: unknown): Reason | undefined {
  const code = codeOf(cause);
  return REASONS.find((reason) => reason.code.test(code));
}

/**
 * Makes the error for a request that got no answer.
 * @param cause the error of fetch()
 */
export async function unreachable(url: string, cause: unknown): Promise<BrunError> {
  const { host } = new URL(url);
  const code = codeOf(cause);
  const message = (cause as Error).message ?? String(cause);
  const details = { code: "ERR_NETWORK", cause } as const;
  const reason = reasonOf(cause);
  if (reason !== undefined) return untrusted(new URL(url), reason, cause);
  if (code === "EPROTO" || /SSL|WRONG_VERSION|handshake/i.test(`${code} ${message}`)) {
    return new BrunError(`${host} does not speak TLS`, {
      code: "ERR_TLS",
      cause,
      hint: "--tls-verify=false, or insecure = true for it in registries.conf, does without",
    });
  }
  const proxy = proxyOf(url);
  const between = proxy === null ? "" : ` by the proxy ${proxy.host}`;
  if (isSilence(cause)) {
    return new BrunError(`${host} does not answer${between}`, {
      ...details,
      hint:
        proxy === null
          ? "is a firewall in the way? HTTPS_PROXY names a proxy"
          : `is ${proxy.variable} right? NO_PROXY names hosts that need none`,
    });
  }
  if (/ENOTFOUND|DNS|EAI_|getaddrinfo|FailedToOpenSocket/i.test(`${code} ${message}`)) {
    return new BrunError(`${host} is not found${between}`, {
      ...details,
      hint: proxy === null ? "is the name right, and is there a network?" : `${proxy.variable} names it`,
    });
  }
  if (
    /ConnectionRefused|ECONNREFUSED|Unable to connect|EHOSTUNREACH|ENETUNREACH/i.test(`${code} ${message}`)
  ) {
    return new BrunError(`${host} cannot be reached${between}`, {
      ...details,
      hint:
        proxy === null
          ? "does it run, and is there a network? HTTPS_PROXY names a proxy"
          : `is ${proxy.variable} right? NO_PROXY names hosts that need none`,
    });
  }
  if (/ECONNRESET|ConnectionClosed|ConnectionReset|closed unexpectedly/i.test(`${code} ${message}`)) {
    // A registry that wants a certificate of its clients closes the connection without a word.
    const certificate = `if it wants a certificate of yours, put it into ~/.config/containers/certs.d/${host} as client.cert and client.key`;
    return new BrunError(`${host} has closed the connection${between}`, {
      ...details,
      // A registry on loopback is also tried without TLS.
      hint: url.startsWith("https:") || isLoopback(host) ? certificate : undefined,
    });
  }
  return new BrunError(
    `${host}: ${message.replace(/\. For more information, pass .*/, "")}${between}`,
    details,
  );
}

/** Whether an address is in "10.0.0.0/8". */
function isInSubnet(host: string, text: string): boolean {
  const [net = "", bits = ""] = text.split("/");
  const address = host.replace(/^\[|\]$/g, "");
  const family = isIP(net);
  if (family === 0 || isIP(address) !== family || !/^\d{1,3}$/.test(bits)) return false;
  if (Number(bits) > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  const kind = family === 4 ? "ipv4" : "ipv6";
  list.addSubnet(net, Number(bits), kind);
  return list.check(address, kind);
}

/** The proxy for an address, from the environment, without its login; null if there is none. */
function proxyOf(url: string): { readonly variable: string; readonly host: string } | null {
  const { protocol, hostname, host } = new URL(url);
  if (isLoopback(host)) return null;
  const without = (variable("NO_PROXY") || variable("no_proxy") || "").split(",").map((name) => name.trim());
  const isLeftOut = (name: string): boolean =>
    name === "*" ||
    isInSubnet(hostname, name) ||
    (name !== "" &&
      (name === hostname || name === host || hostname.endsWith(`.${name.replace(/^\*?\./, "")}`)));
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

async function untrusted(
  { host, hostname, port }: URL,
  { why, about }: Reason,
  cause: unknown,
): Promise<BrunError> {
  const certificate = await certificateOf(hostname.replace(/^\[|\]$/g, ""), Number(port || 443));
  const told = certificate === null ? "" : ` (${subjectText(certificate)})`;
  const hints: Readonly<Record<Reason["about"], string>> = {
    names: `its names are ${namesOf(certificate) || "none"}`,
    clock: "is the clock of this machine right?",
    authority: `put its authority into ~/.config/containers/certs.d/${host}/ca.crt, or name it by SSL_CERT_FILE`,
  };
  return new BrunError(`the certificate of ${host} is not accepted: ${why}${told}`, {
    code: "ERR_TLS",
    cause,
    hint: hints[about],
  });
}

const CERTIFICATE_TIMEOUT = 5000;

/**
 * The certificate of a server; null if it cannot be read. The certificate is not checked, and no request is
 * sent.
 */
function certificateOf(host: string, port: number): Promise<PeerCertificate | null> {
  return new Promise((resolve) => {
    const done = (certificate: PeerCertificate | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(certificate);
    };
    const timer = setTimeout(() => done(null), CERTIFICATE_TIMEOUT);
    const servername = /^[\d.]+$|:/.test(host) ? "" : host;
    const socket = connect({ host, port, servername, rejectUnauthorized: false }, () => {
      const certificate = socket.getPeerCertificate();
      done(certificate?.subject === undefined ? null : certificate);
    });
    socket.once("error", () => done(null));
  });
}

/** For example "CN=registry.test, by CN=Example CA, until 2026-12-02". */
function subjectText({ subject, issuer, valid_to }: PeerCertificate): string {
  const until = Date.parse(valid_to);
  const date = Number.isNaN(until) ? "" : `, until ${new Date(until).toISOString().slice(0, 10)}`;
  return printable(`${nameText(subject)}, by ${nameText(issuer)}${date}`);
}

function nameText(name: object): string {
  return Object.entries(name)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(" ")
    .slice(0, 200);
}

function namesOf(certificate: PeerCertificate | null): string {
  return printable((certificate?.subjectaltname ?? "").replaceAll(/(?:DNS|IP Address):/g, "").slice(0, 300));
}
