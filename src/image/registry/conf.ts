/** containers-registries.conf(5): where names without a domain are looked for, mirrors, and registries without TLS. */
import { BrunError } from "../../errors.ts";
import { readdir, variable } from "../../host/ask.ts";
import { parseName, type RegistryName } from "../reference.ts";
import { ownText } from "./own-file.ts";

/** One place where an image may be had. */
export interface Endpoint {
  /** Host and port of the registry. */
  readonly host: string;
  /** The repository there. */
  readonly repository: string;
  /** Without TLS, or with a certificate that nobody vouches for. */
  readonly insecure: boolean;
  /** Host that credentials are kept for. */
  readonly mirror: boolean;
}

interface Mirror {
  readonly location?: unknown;
  readonly insecure?: unknown;
}

interface Registry extends Mirror {
  readonly prefix?: unknown;
  readonly blocked?: unknown;
  readonly mirror?: unknown;
}

/** What the files say together. */
export interface RegistriesConf {
  readonly search: readonly string[];
  readonly registries: readonly Registry[];
  readonly aliases: Readonly<Record<string, string>>;
}

function files(): string[] {
  const given = variable("CONTAINERS_REGISTRIES_CONF") || variable("REGISTRIES_CONFIG_PATH");
  if (given) return [given];
  const home = variable("HOME");
  const config = variable("XDG_CONFIG_HOME") || (home ? `${home}/.config` : "");
  const own = config === "" ? [] : [`${config}/containers/registries.conf`];
  const main = [...own, "/etc/containers/registries.conf"].find((path) => ownText(path) !== null);
  return [
    ...(main === undefined ? [] : [main]),
    ...dropIns("/etc/containers/registries.conf.d"),
    ...(config === "" ? [] : dropIns(`${config}/containers/registries.conf.d`)),
  ];
}

function dropIns(directory: string): string[] {
  try {
    return readdir(directory)
      .filter((name) => name.endsWith(".conf"))
      .sort()
      .map((name) => `${directory}/${name}`);
  } catch {
    return [];
  }
}

/**
 * Reads the files; later ones add to earlier ones.
 * @throws BrunError one is no TOML
 */
export function registriesConf(): RegistriesConf {
  let search: string[] = [];
  const registries: Registry[] = [];
  const aliases: Record<string, string> = Object.create(null);
  for (const path of files()) {
    const text = ownText(path);
    if (text === null) continue;
    let table: Record<string, unknown>;
    try {
      table = Bun.TOML.parse(text) as Record<string, unknown>;
    } catch (error) {
      throw new BrunError(`${path} is no TOML: ${(error as Error).message.split("\n")[0]}`, {
        code: "ERR_CONFIG",
        where: path,
      });
    }
    const unqualified = table["unqualified-search-registries"];
    if (Array.isArray(unqualified)) search = unqualified.filter((name) => typeof name === "string");
    // A registry that is named again is told anew.
    for (const registry of Array.isArray(table.registry) ? (table.registry as Registry[]) : []) {
      const at = registries.findIndex((one) => prefixOf(one) === prefixOf(registry));
      if (at >= 0) registries.splice(at, 1);
      registries.push(registry);
    }
    for (const [name, value] of Object.entries(table.aliases ?? {})) {
      if (typeof value === "string") aliases[name] = value;
    }
  }
  return { search, registries, aliases };
}

function prefixOf({ prefix, location }: Registry): string {
  return String((typeof prefix === "string" && prefix) || location || "");
}

/** Names that a short name may stand for, in the order in which they are tried. */
export function candidates(name: RegistryName, conf: RegistriesConf): readonly RegistryName[] {
  if (!name.short) return [name];
  // As the user has typed it: without Docker's own directory of official images.
  const bare = name.path.replace(/^library\//, "");
  const alias = conf.aliases[bare] ?? conf.aliases[name.path];
  if (alias !== undefined) {
    const target = parseName(alias);
    if (target.transport === "registry") return [{ ...target, tag: name.tag, digest: name.digest }];
  }
  const search = conf.search.length === 0 ? ["docker.io"] : conf.search;
  return search.map((domain) => {
    const found = parseName(`${domain}/${domain === "docker.io" ? name.path : bare}`) as RegistryName;
    return { ...found, tag: name.tag, digest: name.digest };
  });
}

/** The longest prefix that fits: "example.com/team" or "*.example.com". */
function ruleFor(name: RegistryName, { registries }: RegistriesConf): Registry | undefined {
  const full = `${name.domain}/${name.path}`;
  const fits = (prefix: string) =>
    prefix.startsWith("*.")
      ? name.domain.replace(/:\d+$/, "").endsWith(prefix.slice(1))
      : full === prefix || full.startsWith(`${prefix}/`);
  return registries
    .filter((registry) => prefixOf(registry) !== "" && fits(prefixOf(registry)))
    .sort((a, b) => prefixOf(b).length - prefixOf(a).length)[0];
}

/** Docker's registry has another host than its name. */
const DOCKER_HOST = "registry-1.docker.io";

function endpoint(location: string, insecure: boolean, mirror: boolean): Endpoint {
  const slash = location.indexOf("/");
  const host = location.slice(0, slash);
  return {
    host: host === "docker.io" ? DOCKER_HOST : host,
    repository: location.slice(slash + 1),
    insecure,
    mirror,
  };
}

/**
 * Where an image is looked for: mirrors first.
 * @throws BrunError the registry is blocked
 */
export function endpoints(name: RegistryName, conf: RegistriesConf): readonly Endpoint[] {
  const full = `${name.domain}/${name.path}`;
  const rule = ruleFor(name, conf);
  if (rule === undefined) return [endpoint(full, false, false)];
  if (rule.blocked === true) {
    throw new BrunError(`${name.domain} is blocked by registries.conf`, {
      code: "EACCES",
      hint: "another registry, or its entry there",
    });
  }
  const prefix = prefixOf(rule);
  const moved = (location: unknown) => {
    const base = typeof location === "string" && location !== "" ? location : prefix;
    return prefix.startsWith("*.") ? full : `${base}${full.slice(prefix.length)}`;
  };
  const mirrors = (Array.isArray(rule.mirror) ? (rule.mirror as Mirror[]) : []).filter(
    ({ location }) => typeof location === "string",
  );
  return [
    ...mirrors.map((mirror) => endpoint(moved(mirror.location), mirror.insecure === true, true)),
    endpoint(moved(rule.location), rule.insecure === true, false),
  ];
}
