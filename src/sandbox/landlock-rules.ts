/**
 * The rules of `run --host --landlock`: the accesses that landlock(7) allows a program, without any
 * namespace. Pure, except for the view. landlock only has rules that allow: for a file, or for everything
 * below a directory. So a directory that contains something hidden is allowed entry by entry. The program
 * cannot list it, and cannot reach entries that are made later.
 */
import { BrunError } from "../errors.ts";
import { homes } from "./homes.ts";
import { hostPath } from "./host-path.ts";
import type { SandboxOptions } from "./options.ts";
import { ownDirectories } from "./own-state.ts";
import { Places, within } from "./places.ts";
import { hiddenPlaces } from "./secrets.ts";
import type { HostView } from "./view.ts";

/** LANDLOCK_ACCESS_FS_* of <linux/landlock.h>. */
const EXECUTE = 1 << 0;
const WRITE_FILE = 1 << 1;
const READ_FILE = 1 << 2;
const READ_DIR = 1 << 3;
const MAKE_CHAR = 1 << 6;
const MAKE_BLOCK = 1 << 11;
const TRUNCATE = 1 << 14;
const IOCTL_DEV = 1 << 15;
/** The rights for rules about files. */
const OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;
const READ = EXECUTE | READ_FILE | READ_DIR;

/** LANDLOCK_ACCESS_NET_*. */
const BIND_TCP = 1;
export const CONNECT_TCP = 2;
/** LANDLOCK_SCOPE_*: abstract sockets and signals. */
const SCOPES = 3;

/** The newest ABI that brun uses. */
const ABI = 6;
/** The first ABI that restricts ports. */
const PORTS_ABI = 4;

/** A file, or a directory with everything below it, and the rights to it. */
export interface LandlockRule {
  readonly path: string;
  readonly access: number;
}

/** A ruleset of landlock(7). */
export interface LandlockPlan {
  readonly rules: readonly LandlockRule[];
  /** The rights that need a rule. */
  readonly handled: { readonly fs: number; readonly net: number; readonly scoped: number };
  /** TCP ports to which the program may connect. */
  readonly ports: readonly number[];
  /** The effects of an old landlock, a clause each. */
  readonly lacks: readonly string[];
}

/** Devices that every program may use. */
const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"].map((name) => `/dev/${name}`);
/**
 * Directories with other programs' sockets, terminals, temporary files, and files that programs pass to each
 * other.
 */
const CLOSED = ["/dev", "/run", "/tmp", "/var/tmp"];
/** The directory of the name service's files. */
const RESOLVER = "/run/systemd/resolve";

/**
 * Makes the ruleset. Throws a BrunError.
 * @param abi the version of the kernel's landlock, from 1
 * @param temporary the program's own directory for temporary files
 */
export function landlockPlan(
  options: SandboxOptions,
  view: HostView,
  abi: number,
  temporary: string,
): LandlockPlan {
  const all = (1 << (abi >= 5 ? 16 : abi >= 3 ? 15 : abi >= 2 ? 14 : 13)) - 1;
  const places = new Places(view);
  const closed = [...CLOSED, view.environment.TMPDIR ?? "/tmp", view.environment.XDG_RUNTIME_DIR ?? "/run"];
  const hidden = [
    ...hiddenPlaces(options, view).places,
    ...[...ownDirectories(view).map(({ path }) => path), ...closed].flatMap((path) =>
      places.aliases(places.way(path).end),
    ),
  ];
  const writable = writablePlaces(options, view, places, hidden);
  const rules: LandlockRule[] = [...writable, temporary].map((path) => ({
    path,
    access: all & ~(MAKE_CHAR | MAKE_BLOCK) & rightsOf(path, view),
  }));
  const kept = [...writable, ...homes(view).map((home) => places.way(home).end)];
  const read = (path: string): void => {
    if (hidden.some((place) => within(place, path))) return;
    const entry = view.entry(path);
    if (entry === null || entry.type === "link") return;
    if (!hidden.some((place) => within(path, place))) {
      rules.push({ path, access: all & READ & rightsOf(path, view) });
      return;
    }
    if (entry.type !== "dir") return;
    const start = path === "/" ? "/" : `${path}/`;
    const names =
      view.list(path) ??
      kept.flatMap((place) => (place.startsWith(start) ? [place.slice(start.length).split("/")[0]!] : []));
    for (const name of new Set(names)) read(start + name);
  };
  read("/");
  for (const path of DEVICES)
    rules.push({ path, access: all & (READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV) });
  if (view.entry(RESOLVER)?.type === "dir") rules.push({ path: RESOLVER, access: all & READ });
  const ports = options.connectPort.map((text) => portOf(text, abi));
  return {
    rules: rules.filter(({ path }) => view.entry(path) !== null || path === temporary),
    handled: {
      fs: all,
      net: abi >= PORTS_ABI ? BIND_TCP | CONNECT_TCP : 0,
      scoped: abi >= ABI ? SCOPES : 0,
    },
    ports,
    lacks: lacksOf(abi),
  };
}

/** The writable directories: that in which the program starts, and those of --rw. */
function writablePlaces(
  { rw, workdir }: SandboxOptions,
  view: HostView,
  places: Places,
  hidden: readonly string[],
): string[] {
  const flags: (readonly [text: string, where: string])[] = [
    [workdir ?? ".", workdir === undefined ? "--landlock" : `--workdir ${workdir}`],
    ...rw.map((text) => [text, `--rw ${text}`] as const),
  ];
  return flags.map(([text, where]) => {
    const path = hostPath(text, view);
    const { end } = places.way(path);
    if (view.follow(end) === null) throw new BrunError(`${path} does not exist`, { where });
    if (end === "/") throw new BrunError("the whole host writable is no sandbox", { where });
    const secret = hidden.find((place) => within(end, place) && view.entry(place) !== null);
    if (secret === undefined) return end;
    throw new BrunError(`${path} cannot be writable: ${secret} in it is to be hidden`, {
      code: "ERR_USAGE",
      where,
      hint: "go to a directory of a project; namespaces, without --landlock, can hide what is in it",
    });
  });
}

function rightsOf(path: string, view: HostView): number {
  const entry = view.entry(path);
  return entry === null || entry.type === "dir" ? -1 : OF_FILES;
}

const PORT_MAX = 65_535;

function portOf(text: string, abi: number): number {
  const where = `--connect-port ${text}`;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > PORT_MAX)
    throw new BrunError(`${where} is no port`, { code: "ERR_USAGE", where, hint: "such as 443" });
  if (abi >= PORTS_ABI) return port;
  throw new BrunError(`this kernel's landlock (ABI ${abi}) knows no ports`, {
    where,
    hint: "Linux 6.7 and later do; without the flag there are no connections",
  });
}

/** The effects of an old landlock, a clause each. */
export function lacksOf(abi: number): string[] {
  return [
    ...(abi < 2 ? ["files cannot be moved from one directory to another"] : []),
    ...(abi < 3 ? ["files elsewhere that you may write to can be emptied (truncate)"] : []),
    ...(abi < ABI ? ["your other processes can be signalled"] : []),
  ];
}
