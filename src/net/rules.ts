/** --allow-net: the names, addresses and ports that a container can reach. Pure. */
import { BrunError } from "../errors.ts";
import { quoted } from "../printable.ts";
import { addressText, parseIpv4, parseIpv6, reachOf } from "./address.ts";
import { DNS_PORT } from "./dns-message.ts";

/** One entry of the list. */
export interface Rule {
  /** A name, the part after `*.`, or an IPv4 address; in lower case, without a last dot. */
  readonly host: string;
  readonly kind: "name" | "below" | "address";
  /** The ports; {@link DEFAULT_PORTS} if the entry has none. */
  readonly ports: readonly number[];
}

/** The ports of an entry without a port: HTTP and HTTPS. */
const DEFAULT_PORTS = [80, 443] as const;

/** The maximum of different ports in a list: each has a listening socket. */
export const MOST_PORTS = 64;

/** The reason if no entry allows a name. */
export const NOT_LISTED = "it is not in the list";

/** Parses HOST[:PORT], *.HOST[:PORT] or an IPv4 address. Throws a BrunError that names the flag. */
export function parseRule(text: string, where = "--allow-net"): Rule {
  const [, given = "", port] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? [];
  const no = (why: string, hint = "HOST, HOST:PORT, *.HOST or @FILE, such as example.org:443") =>
    new BrunError(`${quoted(text)} ${why}`, { code: "ERR_USAGE", where, hint });
  if (text.includes("/")) throw no("is no name", "a name alone, without https:// and path");
  if (/^\[|::/.test(text) || parseIpv6(text) !== null)
    throw no("is an IPv6 address", "give the host's name: it is reached by IPv6, too");
  const ports: readonly number[] = port === undefined ? DEFAULT_PORTS : [Number(port)];
  if (port !== undefined && !(/^\d+$/.test(port) && ports[0]! > 0 && ports[0]! < 65536))
    throw no("has no port", "a port is a number from 1 to 65535");
  if (ports.includes(DNS_PORT))
    throw no("is DNS, which brun answers itself", "leave the port out: names that are allowed are found");
  const address = parseIpv4(given);
  if (address !== null) {
    const text4 = addressText(address);
    if (reachOf(address) === "none") throw no("is no address of a host");
    return { host: text4, kind: "address", ports };
  }
  const below = given.startsWith("*.");
  if (given.includes("*") && /^[*.]+$/.test(given))
    throw no("allows everything", "--network host is a network without limits");
  const host = asciiName(below ? given.slice(2) : given);
  if (host === null || NUMBERS.test(host)) throw no("is no name of a host");
  if (host === "localhost" && !below) return { host: "127.0.0.1", kind: "address", ports };
  return { host, kind: below ? "below" : "name", ports };
}

/** The entries of a list. @FILE is replaced by the entries in that file, one a line; # begins a comment. */
export function ruleTexts(
  entries: readonly string[],
  read: (where: string, path: string) => string,
): string[] {
  return entries.flatMap((entry) => {
    if (!entry.startsWith("@")) return [entry];
    const path = entry.slice(1);
    return read(`--allow-net ${entry}`, path)
      .split("\n")
      .map((line) => line.replace(/#.*/, "").trim())
      .filter((line) => line !== "");
  });
}

/** Parses a list. Throws a BrunError. */
export function parseRules(texts: readonly string[], where = "--allow-net"): Rule[] {
  const rules = texts.map((text) => parseRule(text, where));
  const count = portsOf(rules).length;
  if (count > MOST_PORTS)
    throw new BrunError(`a list of names with ${count} different ports: there can be ${MOST_PORTS}`, {
      code: "ERR_USAGE",
      where,
    });
  return rules;
}

/** The text of a rule, as in a list. */
export function ruleText({ host, kind, ports }: Rule): string {
  const name = kind === "below" ? `*.${host}` : host;
  return ports === DEFAULT_PORTS ? name : `${name}:${ports[0]}`;
}

/** The ports of all rules, each once. */
export function portsOf(rules: readonly Rule[]): number[] {
  return [...new Set(rules.flatMap(({ ports }) => ports))];
}

/** Texts that programs take for an IPv4 address, as inet_aton(3) does. */
const NUMBERS = /^(0x[\da-f]*|\d+)(\.(0x[\da-f]*|\d+))*$/;
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;

/** Converts a name to lower case and ASCII, without a last dot. Null for a text that is not a name. */
export function asciiName(text: string): string | null {
  let name = text.toLowerCase().replace(/\.$/, "");
  if (/[^\x00-\x7f]/.test(name)) {
    try {
      name = new URL(`http://${name}`).hostname;
    } catch {
      return null;
    }
  }
  return name.length <= 253 && name.split(".").every((label) => LABEL.test(label)) ? name : null;
}

/** The rules of a container. They can change while it runs. */
export class Policy {
  private readonly byText = new Map<string, Rule>();

  /** @param allowPrivate whether names may lead to addresses of private ranges */
  constructor(
    rules: readonly Rule[],
    public allowPrivate: boolean,
  ) {
    this.add(rules);
  }

  get rules(): Rule[] {
    return [...this.byText.values()];
  }

  add(rules: readonly Rule[]): void {
    for (const rule of rules) this.byText.set(ruleText(rule), rule);
  }

  has(rule: Rule): boolean {
    return this.byText.has(ruleText(rule));
  }

  remove(rules: readonly Rule[]): void {
    for (const rule of rules) this.byText.delete(ruleText(rule));
  }

  /** Whether a name may be resolved, since it may be reached on some port. */
  knows(name: string): boolean {
    return this.rules.some((rule) => fits(rule, name));
  }

  /** Whether an address itself is in the list, for this port or for any. */
  namesAddress(address: string, port: number | null): boolean {
    return this.rules.some(
      ({ host, kind, ports }) =>
        kind === "address" && host === address && (port === null || ports.includes(port)),
    );
  }

  /** Whether a host (a name, or an address in dots) may be reached on a port. */
  allows(host: string, port: number): boolean {
    return this.rules.some((rule) => fits(rule, host) && rule.ports.includes(port));
  }
}

function fits({ host, kind }: Rule, name: string): boolean {
  return kind === "below" ? name.endsWith(`.${host}`) : name === host;
}
