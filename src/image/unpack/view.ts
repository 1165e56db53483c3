/**
 * A view: the root file system that several layers make together, as hard links to their files. One directory of plain
 * files is what everything can have as a root and everything can look into; an overlay of layers would need whiteouts that
 * not every file system can have.
 */
import { BrunError } from "../../errors.ts";
import { E } from "../../sys/errno.ts";
import { check } from "../../sys/error.ts";
import { cstr, NR, syscall } from "../../sys/ffi.ts";
import { close, O, open, S } from "../../sys/fs.ts";
import { statAttributes } from "./attributes.ts";
import { withoutSetgid } from "./directories.ts";
import type { LayerData } from "./layer-data.ts";
import type { Owner } from "./owner.ts";
import {
  type Attributes,
  baseOf,
  DT_DIR,
  emptyDirectory,
  joinPath,
  listAt,
  parentOf,
  setTimes,
  Tree,
} from "./written-tree.ts";

/** A layer's files, and what else it says. */
export interface ViewLayer {
  readonly directory: string;
  readonly data: LayerData;
}

/** Builds a view in a directory that is there and empty, from the lowest layer to the highest. Throws a SysError or BrunError. */
export function buildView(directory: string, layers: readonly ViewLayer[], owner: Owner): void {
  const view = new View(directory, owner);
  for (const layer of layers) view.add(layer);
  view.close();
}

/** A directory of the view. */
interface Merged {
  /** Open for reading. */
  readonly fd: number;
  /** Without links in it. */
  readonly path: string;
  /** No layer had it before. */
  readonly isNew: boolean;
}

/** What is merged, with quicker answers to what is asked for each directory. */
type Merging = Omit<LayerData, "implied"> & { readonly implied: ReadonlySet<string> };

const READ_DIRECTORY = O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC;

/** Does something to a directory, and gives it the time that it had. Throws a SysError. */
function keepingTime(fd: number, work: () => void): void {
  const { mtime } = statAttributes(fd, "a directory");
  work();
  // A descriptor of O_PATH has no times to set.
  setTimes(fd, ".", mtime);
}

class View {
  private readonly tree: Tree;
  /** No layer has been added. */
  private empty = true;

  constructor(
    directory: string,
    private readonly owner: Owner,
  ) {
    this.tree = new Tree(directory);
    // Links may come from any layer.
    this.tree.hasLinks();
  }

  add({ directory, data }: ViewLayer): void {
    for (const path of data.opaque) this.clear(path);
    for (const path of data.whiteouts) this.remove(path);
    const root = open(directory, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
    const fd = this.tree.openDirectory("");
    try {
      const merging = { ...data, implied: new Set(data.implied) };
      this.merge(root, "", { fd, path: "", isNew: this.empty }, merging);
    } finally {
      close(root);
      close(fd);
    }
    this.empty = false;
    for (const [path, target] of data.links) this.link(path, target);
  }

  close(): void {
    this.tree.close();
  }

  private clear(path: string): void {
    this.tree.sweep();
    const place = this.tree.directoryIfThere(path);
    if (place === null) return;
    const fd = this.tree.openDirectory(place.path);
    try {
      keepingTime(fd, () => emptyDirectory(fd));
    } finally {
      close(fd);
    }
    this.tree.forget();
  }

  private remove(path: string): void {
    this.tree.sweep();
    const parent = this.tree.directoryIfThere(parentOf(path));
    if (parent === null) return;
    keepingTime(parent.fd, () => this.tree.remove(parent.fd, baseOf(path)));
  }

  /**
   * Merges a directory with one of the view, which gets what the layer's has, unless no entry named that: then it stays as it
   * was. It gets it at the end, since what is made in it changes its time. Names are looked up in open directories, one
   * by one: no link in a layer leads anywhere.
   * @param from a directory of the layer, open
   * @param path of it in the layer
   * @param to its place in the view, which lower layers may have put elsewhere by a link
   */
  private merge(from: number, path: string, to: Merged, data: Merging): void {
    const isLayers = to.isNew || !data.implied.has(path);
    const before = to.isNew ? null : statAttributes(to.fd, to.path);
    // A directory that gives its group to what is made in it must not do so now.
    const mode = before === null ? null : withoutSetgid(to.fd, to.path, before.mode);
    for (const { name, type } of listAt(from)) {
      if (type !== DT_DIR) {
        this.place(from, name, to.fd, name, joinPath(to.path, name));
        continue;
      }
      const inLayer = joinPath(path, name);
      const fd = check(syscall(NR.openat, from, cstr(name), READ_DIRECTORY, 0), `open ${inLayer}`);
      const merged = this.directoryAt(to, name, data.implied.has(inLayer));
      try {
        this.merge(fd, inLayer, merged, data);
      } finally {
        close(fd);
        close(merged.fd);
      }
    }
    if (isLayers) {
      const attributes = attributesIn(from, path, data);
      this.owner.apply(to.fd, to.path || "/", attributes, to.isNew ? "now" : "before");
      setTimes(to.fd, null, attributes.mtime);
    } else if (before !== null) {
      if (mode !== null) check(syscall(NR.fchmod, to.fd, mode), `change the mode of ${to.path || "/"}`);
      setTimes(to.fd, null, before.mtime);
    }
  }

  /** The directory that a layer's directory is merged with, open: the caller closes it. */
  private directoryAt({ fd, path: above }: Merged, name: string, implied: boolean): Merged {
    const path = joinPath(above, name);
    const make = () => syscall(NR.mkdirat, fd, cstr(name), 0o700);
    const openIt = () => syscall(NR.openat, fd, cstr(name), READ_DIRECTORY, 0);
    let result = make();
    if (result === -E.EEXIST) {
      const there = openIt();
      if (there >= 0) return { fd: there, path, isNew: false };
      if (there !== -E.ENOTDIR && there !== -E.ELOOP) check(there, `open the directory ${path}`);
      // What names a directory on its way alone means the one that a lower layer's link leads to.
      const place = implied ? this.tree.directoryIfThere(path) : null;
      this.tree.sweep();
      if (place !== null) return { fd: this.tree.openDirectory(place.path), path: place.path, isNew: false };
      this.tree.remove(fd, name);
      result = make();
    }
    check(result, `make the directory ${path}`);
    return { fd: check(openIt(), `open the directory ${path}`), path, isNew: true };
  }

  /** Gives a file one more name, in the place of whatever has it. */
  private place(from: number, name: string, to: number, base: string, path: string): void {
    const link = () => syscall(NR.linkat, from, cstr(name), to, cstr(base), 0);
    let result = link();
    if (result === -E.EEXIST) {
      this.tree.remove(to, base);
      result = link();
    }
    if (result === -E.EMLINK || result === -E.EXDEV) {
      throw new BrunError(`the file ${path} has more hard links than the file system allows`, {
        code: "EMLINK",
      });
    }
    check(result, `link ${path}`);
  }

  private link(path: string, target: string): void {
    this.tree.sweep();
    const source = this.tree.directoryIfThere(parentOf(target));
    const there = source === null ? null : this.tree.look(joinPath(source.path, baseOf(target)));
    if (source === null || there === null || (there.mode & S.IFMT) === S.IFDIR) {
      throw new BrunError(`${path} is a hard link to ${target}, which no layer has`, { code: "ERR_ARCHIVE" });
    }
    const parent = this.tree.directory(parentOf(path));
    const base = baseOf(path);
    keepingTime(parent.fd, () =>
      this.place(source.fd, baseOf(target), parent.fd, base, joinPath(parent.path, base)),
    );
  }
}

const NO_XATTRS: ReadonlyMap<string, Uint8Array> = new Map();

/** A directory's attributes; extended ones are in the layer's data. */
function attributesIn(fd: number, path: string, { xattrs }: Pick<LayerData, "xattrs">): Attributes {
  const own = xattrs[path];
  if (own === undefined) return { ...statAttributes(fd, path), xattrs: NO_XATTRS };
  const values = Object.entries(own).map(
    ([name, value]) => [name, new Uint8Array(Buffer.from(value, "base64"))] as const,
  );
  return { ...statAttributes(fd, path), xattrs: new Map(values) };
}
