/**
 * Protects brun's own directories: the state of containers with the plans of later commands, compiled
 * filters, images, the output of detached containers, and the files of --upper that overlays write. A program
 * that could write there would decide what brun does on the host. A program that could read there would see
 * the environment and the output of other containers.
 *
 * So a container without a bundle never shows them, whatever its flags are. Where a mount shows one, a tmpfs
 * of the program covers it, after all other mounts. Where a mount writes to the host, the directories and
 * links on the way to it become mount points, too. Otherwise the program could rename them, and make new ones
 * for the next brun.
 */
import { defaultRoots } from "../container/state/root.ts";
import { BrunError } from "../errors.ts";
import type { Mount, User } from "../spec/index.ts";
import { homes } from "./homes.ts";
import type { Placed } from "./mounts.ts";
import { beyond, join, Places, parentOf, within } from "./places.ts";
import { type Entry, type HostView, isIdInside } from "./view.ts";

/** A directory of brun. */
interface OwnDirectory {
  readonly path: string;
  readonly what: "state" | "cache" | "images" | "logs" | "upper";
}

/**
 * The state directory of --root, and all directories that brun uses by default (src/container/state/root.ts,
 * src/container/host/filter.ts, src/container/io/kept-log.ts).
 */
export function ownDirectories(view: HostView): readonly OwnDirectory[] {
  const { stateDirectory, caller, environment: env } = view;
  const uidMap = caller.uid === 0 ? (view.text("/proc/self/uid_map") ?? "") : "";
  const below = (base: string | undefined, what: OwnDirectory["what"]) =>
    base?.startsWith("/") ? [{ path: join(base, "/brun"), what }] : [];
  return [
    ...[stateDirectory, ...defaultRoots(caller.uid, uidMap, env.XDG_RUNTIME_DIR)].map((path) => ({
      path,
      what: "state" as const,
    })),
    ...(caller.uid === 0 ? [...below("/var/cache", "cache"), ...below("/var/lib", "logs")] : []),
    ...below(env.XDG_CACHE_HOME, "cache"),
    ...below(env.XDG_DATA_HOME, "images"),
    ...(env.XDG_DATA_HOME?.startsWith("/")
      ? [{ path: join(env.XDG_DATA_HOME, "/brun-images"), what: "images" as const }]
      : []),
    ...below(env.XDG_STATE_HOME, "logs"),
    ...homes(view).flatMap((home) => [
      ...below(`${home}/.cache`, "cache"),
      ...below(`${home}/.local/share`, "images"),
      ...below(`${home}/.local/state`, "logs"),
    ]),
  ];
}

/** The directory of --upper, or only brun's parts of it if the home or current directory is in it. */
function upperDirectories({ upper }: ShownRoot, view: HostView): readonly OwnDirectory[] {
  if (upper === undefined) return [];
  const places = new Places(view);
  const isSeen = homes(view).some((path) => within(upper, places.way(path).end)) || view.here.isIn(upper);
  const paths = isSeen ? [join(upper, "/upper"), join(upper, "/work")] : [upper];
  return paths.map((path) => ({ path, what: "upper" }));
}

/** A tree of the host that is visible in the container. */
interface Shown {
  /** Its place on the host, without symbolic links. */
  readonly source: string;
  readonly destination: string;
  /** The index of its mount; -1 for the root file system. */
  readonly index: number;
  /** The destination of writes: the host, the upper directory of an overlay, or none. */
  readonly writes: "host" | "copy" | "no";
}

/** The root file system. */
export interface ShownRoot {
  readonly path: string;
  readonly flag: string;
  /** As in {@link Shown}; undefined if the whole root consists of mounts. */
  readonly writes: Shown["writes"] | undefined;
  /** --upper. */
  readonly upper: string | undefined;
  /** Whether this is the upper directory of --keep. */
  readonly keeps?: boolean;
}

/** The result of {@link coverOwnState}. */
export interface CoveredState {
  readonly placed: readonly Placed[];
  /** Directories that must exist before the mounts are made. They belong to the caller and have mode 0700. */
  readonly make: readonly string[];
}

/**
 * Adds mounts that cover brun's own directories. Throws a BrunError for a flag that asks for such a
 * directory.
 * @param user the owner of the covers, so that a brun inside has its own directories there
 */
export function coverOwnState(
  placed: readonly Placed[],
  root: ShownRoot,
  user: User,
  view: HostView,
): CoveredState {
  const covering = new Covering(placed, root, view);
  for (const own of [...upperDirectories(root, view), ...ownDirectories(view)]) covering.add(own);
  const covers = [...covering.covers].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    placed: [
      ...covering.pinned(-1),
      ...placed.flatMap((one, i) => [one, ...covering.pinned(i)]),
      ...covers.map(([destination, entry]) => ({
        origin: "own" as const,
        flag: "(brun's own state)",
        mount: cover(destination, entry, user, view),
      })),
    ],
    make: [...covering.make],
  };
}

/**
 * The mount that covers a place. A user other than root and the caller may have no id in the container, and
 * cannot own the cover.
 */
function cover(destination: string, entry: Entry | null, user: User, { caller }: HostView): Mount {
  // brun does not use a file here, but a program could replace it by a directory.
  if (entry !== null && entry.type !== "dir")
    return { destination, type: "bind", source: "/dev/null", options: ["bind", "nosuid", "noexec"] };
  const { uid = 0, gid = 0 } = user;
  const has = (uid === 0 && gid === 0) || (uid === caller.uid && gid === caller.gid);
  const options = ["nosuid", "nodev", "mode=700", ...(has ? [`uid=${uid}`, `gid=${gid}`] : [])];
  return { destination, type: "tmpfs", source: "hidden", options };
}

const SEARCH = 1;

class Covering {
  /** Paths in the container, with the host's entry at each. */
  readonly covers = new Map<string, Entry | null>();
  readonly make = new Set<string>();
  private readonly pins: { readonly index: number; readonly placed: Placed }[] = [];
  private readonly places: Places;
  /** Those that write to the host are the first: what is missing is made for these, and is in others too. */
  private readonly trees: readonly Shown[];

  constructor(
    private readonly placed: readonly Placed[],
    private readonly root: ShownRoot,
    private readonly view: HostView,
  ) {
    this.places = new Places(view);
    const { writes, path } = root;
    const source = this.places.way(path).end;
    const whole = writes === undefined ? [] : [{ source, destination: "/", index: -1, writes }];
    const trees = [...whole, ...placed.flatMap((one, index) => this.shown(one, index))];
    const isHost = (tree: Shown) => tree.writes === "host";
    this.trees = [...trees.filter(isHost), ...trees.filter((tree) => !isHost(tree))];
  }

  add({ path, what }: OwnDirectory): void {
    const { passed, end } = this.places.way(path);
    const ends = this.places.aliases(end);
    this.refuse(what, ends);
    for (const tree of this.trees) {
      for (const inside of this.inside(
        tree,
        ends.filter((place) => !this.isClosed(place)),
      )) {
        if (this.isThere(end, tree, what)) this.covers.set(inside, this.view.entry(end));
      }
      if (tree.writes !== "host") continue;
      for (const place of passed) if (what === "upper" || this.willBe(place)) this.pin(tree, place);
    }
  }

  /** The pins on a mount, the outermost first. */
  pinned(index: number): Placed[] {
    return this.pins
      .filter((pin) => pin.index === index)
      .map(({ placed }) => placed)
      .sort((a, b) => (a.mount.destination < b.mount.destination ? -1 : 1));
  }

  private shown({ mount }: Placed, index: number): Shown[] {
    const { type, destination, source = "", options = [] } = mount;
    if (options.includes("copy-symlink")) return [];
    const readOnly = options.findLast((option) => option === "ro" || option === "rw") === "ro";
    const tree = (path: string, writes: Shown["writes"]) => [
      { source: this.places.way(path).end, destination, index, writes: readOnly ? ("no" as const) : writes },
    ];
    if (type === "bind") return tree(source, "host");
    const lower = options.find((option) => option.startsWith("lowerdir="));
    return type === "overlay" && lower !== undefined ? tree(lower.slice("lowerdir=".length), "copy") : [];
  }

  /**
   * The paths in the container at which a tree shows these places. Paths that a later mount hides are left
   * out.
   */
  private inside(tree: Shown, places: readonly string[]): string[] {
    return places
      .filter((place) => within(tree.source, place))
      .map((place) => join(tree.destination, beyond(tree.source, place)))
      .filter(
        (path) => !this.placed.some(({ mount }, i) => i > tree.index && within(mount.destination, path)),
      );
  }

  /**
   * Whether a directory on the way to a place cannot be searched by the caller, and its owner, who could
   * allow it, has no id in the container. Then neither the program nor brun can reach the place.
   */
  private isClosed(place: string): boolean {
    const { view } = this;
    if (view.entry(place) !== null) return false;
    let at = place;
    while (view.entry(at) === null && at !== "/") at = parentOf(at);
    const entry = view.entry(at);
    return entry !== null && (view.rights(at) & SEARCH) === 0 && !isIdInside(view, entry.uid);
  }

  /**
   * Whether there is something to mount on. A missing directory is made if the program or a later brun could
   * make it.
   */
  private isThere(end: string, tree: Shown, what: OwnDirectory["what"]): boolean {
    const { view } = this;
    // The directory of --upper is made before the first mount.
    if (view.entry(end) !== null || this.make.has(end) || what === "upper") return true;
    // The directory of output is made before every run, if possible (src/container/io/kept-log.ts).
    if (what === "logs" && tree.writes !== "host") return false;
    let above = parentOf(end);
    if (tree.writes === "copy") {
      // overlayfs makes nothing below a directory whose owner has no id in the user namespace (EOVERFLOW).
      const { uid, gid } = view.caller;
      if (view.entry(above) === null) return false;
      // All files of a root by fuse-overlayfs belong to the caller.
      if (tree.index < 0) return true;
      for (; view.nested && above !== tree.source; above = parentOf(above)) {
        const entry = within(tree.source, above) ? view.entry(above) : null;
        if (entry?.uid !== uid || entry.gid !== gid) return false;
      }
      return true;
    }
    // Images are not secret, and the program cannot add any here.
    if (tree.writes === "no" && what === "images") return false;
    while (view.entry(above) === null && above !== "/") above = parentOf(above);
    if (!view.mayWrite(above)) return false;
    this.make.add(end);
    return true;
  }

  private willBe(place: string): boolean {
    return this.view.entry(place) !== null || [...this.make].some((made) => within(place, made));
  }

  private pin(tree: Shown, place: string): void {
    const link = this.view.link(place) !== null;
    for (const source of this.places.aliases(place)) {
      if (source === tree.source) continue;
      for (const destination of this.inside(tree, [source])) {
        if (this.pins.some(({ placed }) => placed.mount.destination === destination)) continue;
        const options = link
          ? ["bind", "src-nofollow", "src-nosymlinks", "dest-nofollow"]
          : (this.placed[tree.index]?.mount.options ?? ["rbind"]);
        const mount: Mount = { destination, type: "bind", source, options: [...options] };
        const flag = this.placed[tree.index]?.flag ?? this.root.flag;
        this.pins.push({ index: tree.index, placed: { mount, origin: "own", flag } });
      }
    }
  }

  private refuse(what: OwnDirectory["what"], ends: readonly string[]): void {
    const { root, places } = this;
    // Images may be roots, which are not written to.
    const asks = (path: string, copied: boolean) =>
      ends.some((end) => within(end, path) && !(what === "images" && copied && path !== end));
    for (const { source, index, writes } of this.trees) {
      const asked = this.placed[index];
      const names = asked?.origin === "volume" || asked?.origin === "writable";
      if (names && asks(source, writes !== "host")) throw refusal(asked.flag, source, what);
    }
    const path = places.way(root.path).end;
    if (asks(path, root.writes !== "host")) throw refusal(root.flag, path, what);
    // The upper directory of --keep is one of brun's own directories.
    if (root.upper === undefined || root.keeps || what === "upper") return;
    for (const part of ["upper", "work"]) {
      const { end } = places.way(`${root.upper}/${part}`);
      if (ends.some((own) => within(own, end) || within(end, own))) throw refusal("--upper", end, what);
    }
  }
}

const NAMES: Readonly<Record<OwnDirectory["what"], string>> = {
  state: "the state of its containers",
  cache: "its compiled filters",
  images: "its images and what runs have kept",
  upper: "what this run writes (--upper)",
  logs: "the output of its containers",
};

function refusal(where: string, path: string, what: OwnDirectory["what"]): BrunError {
  return new BrunError(`${path} is where brun keeps ${NAMES[what]}, which no container may have`, {
    where,
    hint: "name a directory beside it",
  });
}
