/**
 * A view: the root file system that several layers make together, with hard links to their files. Every runtime
 * can use a plain directory as a root, and every tool can read it. An overlay of the layers would need
 * whiteouts, which not every file system supports.
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

/** A layer's files and its other data. */
export interface ViewLayer {
  readonly directory: string;
  readonly data: LayerData;
}

/**
 * Builds a view in an existing, empty directory, from the lowest layer to the highest. Throws a SysError or
 * BrunError.
 */
export function buildView(directory: string, layers: readonly ViewLayer[], owner: Owner): void {
  const view = new View(directory, owner);
  for (const layer of layers) view.add(layer);
  view.close();
}

/** A directory of the view. */
interface Merged {
  /** A descriptor for reading. */
  readonly fd: number;
  /** The path without links. */
  readonly path: string;
  /** Whether no lower layer has it. */
  readonly isNew: boolean;
}

/** The data of the layer that is merged. `implied` is a set, since it is asked for each directory. */
type Merging = Omit<LayerData, "implied"> & { readonly implied: ReadonlySet<string> };

const READ_DIRECTORY = O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC;

/** Does something in a directory, and restores the directory's time. Throws a SysError. */
function keepingTime(fd: number, work: () => void): void {
  const { mtime } = statAttributes(fd, "a directory");
  work();
  // The times of an O_PATH descriptor can only be set by a path.
  setTimes(fd, ".", mtime);
}

class View {
  private readonly tree: Tree;
  /** Whether no layer has been added. */
  private empty = true;

  constructor(
    directory: string,
    private readonly owner: Owner,
  ) {
    this.tree = new Tree(directory);
    // Any layer may have links.
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
   * Merges a directory of the layer with one of the view. The view's directory gets the attributes of the
   * layer's directory, unless that has no entry. They are set at the end, since merging changes the time. Names
   * are opened one by one in open directories, so links in a layer are not followed.
   * @param from a descriptor of the layer's directory
   * @param path its path in the layer
   * @param to its place in the view, which may be elsewhere because of a link in a lower layer
   */
  private merge(from: number, path: string, to: Merged, data: Merging): void {
    const isLayers = to.isNew || !data.implied.has(path);
    const before = to.isNew ? null : statAttributes(to.fd, to.path);
    // New names must not get the group of a directory with setgid.
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

  /** Opens the directory of the view for a directory of a layer. The caller closes it. */
  private directoryAt({ fd, path: above }: Merged, name: string, implied: boolean): Merged {
    const path = joinPath(above, name);
    const make = () => syscall(NR.mkdirat, fd, cstr(name), 0o700);
    const openIt = () => syscall(NR.openat, fd, cstr(name), READ_DIRECTORY, 0);
    let result = make();
    if (result === -E.EEXIST) {
      const there = openIt();
      if (there >= 0) return { fd: there, path, isNew: false };
      if (there !== -E.ENOTDIR && there !== -E.ELOOP) check(there, `open the directory ${path}`);
      // A directory without an entry stands for the target of a lower layer's link.
      const place = implied ? this.tree.directoryIfThere(path) : null;
      this.tree.sweep();
      if (place !== null) return { fd: this.tree.openDirectory(place.path), path: place.path, isNew: false };
      this.tree.remove(fd, name);
      result = make();
    }
    check(result, `make the directory ${path}`);
    return { fd: check(openIt(), `open the directory ${path}`), path, isNew: true };
  }

  /** Makes a hard link to a file. An existing name is replaced. */
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

/** A directory's attributes. Extended attributes are in the layer's data. */
function attributesIn(fd: number, path: string, { xattrs }: Pick<LayerData, "xattrs">): Attributes {
  const own = xattrs[path];
  if (own === undefined) return { ...statAttributes(fd, path), xattrs: NO_XATTRS };
  const values = Object.entries(own).map(
    ([name, value]) => [name, new Uint8Array(Buffer.from(value, "base64"))] as const,
  );
  return { ...statAttributes(fd, path), xattrs: new Map(values) };
}
