/** containers-registries.conf(5): registries for names without a domain, mirrors, and registries without TLS. */
import { BrunError } from "../../errors.ts";
import { readdir, variable } from "../../host/ask.ts";
import { quoted } from "../../printable.ts";
import { nameText, parseName, type RegistryName } from "../image-name.ts";
import { ownText } from "./own-file.ts";

/** A repository in a registry from which an image can be pulled. */
export interface Endpoint {
  /** Host and port of the registry. */
  readonly host: string;
  /** The domain in image names. Logins and certificates are found by it. */
  readonly domain: string;
  /** The repository's path in the registry. */
  readonly repository: string;
  /** http and untrusted certificates are allowed. */
  readonly insecure: boolean;
}

interface Place {
  readonly location?: unknown;
  readonly insecure?: unknown;
}

interface Mirror extends Place {
  readonly "pull-from-mirror"?: unknown;
}

interface Registry extends Place {
  readonly prefix?: unknown;
  readonly blocked?: unknown;
  readonly mirror?: unknown;
  readonly "mirror-by-digest-only"?: unknown;
}

/** The merged content of all files. */
export interface RegistriesConf {
  readonly search: readonly string[];
  readonly registries: readonly Registry[];
  readonly aliases: Readonly<Record<string, string>>;
}

/** The files in the order of podman: a user's own file replaces the machine's file and its drop-ins. */
function files(): string[] {
  const home = variable("HOME");
  const config = variable("XDG_CONFIG_HOME") || (home ? `${home}/.config` : "");
  const ownDropIns = config === "" ? [] : dropIns(`${config}/containers/registries.conf.d`);
  const given = variable("CONTAINERS_REGISTRIES_CONF") || variable("REGISTRIES_CONFIG_PATH");
  const own = config === "" ? "" : `${config}/containers/registries.conf`;
  if (!given && own !== "" && ownText(own) !== null) return [own, ...ownDropIns];
  return [
    given || "/etc/containers/registries.conf",
    ...dropIns("/etc/containers/registries.conf.d"),
    ...ownDropIns,
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
 * Reads the files. Later files add to earlier ones.
 * @throws BrunError if a file is no TOML
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
    // A later entry for a registry replaces the earlier one.
    for (const registry of Array.isArray(table.registry) ? (table.registry as Registry[]) : []) {
      const at = registries.findIndex((one) => prefixOf(one) === prefixOf(registry));
      if (at >= 0) registries.splice(at, 1);
      registries.push(registry);
    }
    for (const [name, value] of Object.entries(table.aliases ?? {})) {
      if (value === "") delete aliases[name];
      else if (typeof value === "string") aliases[name] = value;
    }
  }
  return { search, registries, aliases };
}

function prefixOf({ prefix, location }: Registry): string {
  return String((typeof prefix === "string" && prefix) || location || "");
}

/** The full names for a short name, in the order in which they are tried. */
export function candidates(name: RegistryName, conf: RegistriesConf): readonly RegistryName[] {
  if (!name.short) return [name];
  // The name without "library/", which is added for Docker's official images.
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

/**
 * The registry with the longest matching prefix: "example.com/team", "example.com/team/app:1", "*.example.com".
 * @throws BrunError (EACCES) if it is blocked
 */
function ruleFor(name: RegistryName, { registries }: RegistriesConf): Registry | undefined {
  const text = nameText(name);
  const fits = (prefix: string) =>
    prefix.startsWith("*.")
      ? name.domain.replace(/:\d+$/, "").endsWith(prefix.slice(1))
      : text.startsWith(prefix) && /^(?:[/:@]|$)/.test(text.slice(prefix.length));
  const [rule] = registries
    .filter((registry) => prefixOf(registry) !== "" && fits(prefixOf(registry)))
    .sort((a, b) => prefixOf(b).length - prefixOf(a).length);
  if (rule?.blocked !== true) return rule;
  throw new BrunError(`${name.domain} is blocked by registries.conf`, {
    code: "EACCES",
    hint: "another registry, or its entry there",
  });
}

/** The host of the registry docker.io. */
const DOCKER_HOST = "registry-1.docker.io";

/** The endpoint of a registry and a repository as they are in an image's name. */
export function registryEndpoint(domain: string, repository: string, insecure: boolean): Endpoint {
  return { host: domain === "docker.io" ? DOCKER_HOST : domain, domain, repository, insecure };
}

/**
 * The endpoint of an image after a location has replaced the prefix of its name.
 * @throws BrunError (ERR_CONFIG) if the result is no repository
 */
function endpointAt(name: RegistryName, prefix: string, { location, insecure }: Place): Endpoint {
  const full = `${name.domain}/${name.path}`;
  const rest = prefix.startsWith("*.") ? `/${name.path}` : full.slice(prefix.length);
  const moved = typeof location === "string" && location !== "" ? `${location}${rest}` : full;
  const [, domain, repository] = /^([^/]+)\/([^:@]+)/.exec(moved) ?? [];
  if (domain === undefined || repository === undefined) {
    throw new BrunError(`registries.conf has ${quoted(moved)} for ${full}, which is no repository`, {
      code: "ERR_CONFIG",
      hint: "location = HOST[:PORT]/NAME, as long as the prefix",
    });
  }
  return registryEndpoint(domain, repository, insecure === true);
}

/** Whether a mirror may be used for a name. In a mirror a tag may lead to another image. */
function isMirrorFor(name: RegistryName, mirror: Mirror, rule: Registry): boolean {
  const byDigest = name.digest !== undefined;
  if (rule["mirror-by-digest-only"] === true) return byDigest;
  const kind = mirror["pull-from-mirror"];
  return kind === "digest-only" ? byDigest : kind !== "tag-only" || !byDigest;
}

/**
 * The endpoints of an image in the order in which they are tried: mirrors first.
 * @throws BrunError if the registry is blocked
 */
export function endpoints(name: RegistryName, conf: RegistriesConf): readonly Endpoint[] {
  const rule = ruleFor(name, conf);
  if (rule === undefined) return [registryEndpoint(name.domain, name.path, false)];
  const mirrors = (Array.isArray(rule.mirror) ? (rule.mirror as Mirror[]) : []).filter(
    (mirror) => typeof mirror.location === "string" && isMirrorFor(name, mirror, rule),
  );
  return [...mirrors, rule].map((place) => endpointAt(name, prefixOf(rule), place));
}

/**
 * The endpoint to which an image is pushed: as in podman it is the registry in its name. Locations and mirrors
 * are only for pulls.
 * @throws BrunError if the registry is blocked
 */
export function pushEndpoint(name: RegistryName, conf: RegistriesConf): Endpoint {
  return registryEndpoint(name.domain, name.path, ruleFor(name, conf)?.insecure === true);
}
