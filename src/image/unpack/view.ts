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
} from "./tree.ts";

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

/** A directory of the view: its real path, and whether no layer had it before. */
interface Merged {
  readonly path: string;
  readonly isNew: boolean;
}

/** Does something to a directory, and gives it the time that it had. Throws a SysError. */
function keepingTime(fd: number, work: () => void): void {
  const { mtime } = statAttributes(fd, "a directory");
  work();
  // A descriptor of O_PATH has no times to set.
  setTimes(fd, ".", mtime);
}

class View {
  private readonly tree: Tree;

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
    try {
      this.merge(root, "", { path: "", isNew: this.empty }, { ...data, implied: new Set(data.implied) });
    } finally {
      close(root);
    }
    this.empty = false;
    for (const [path, target] of data.links) this.link(path, target);
  }

  /** No layer has been added. */
  private empty = true;

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
   * was. It gets it at the end, since what is made in it changes its time.
   * @param from a directory of the layer, open
   * @param path of it in the layer
   * @param at its place in the view, which lower layers may have put elsewhere by a link
   */
  private merge(
    from: number,
    path: string,
    at: Merged,
    data: Omit<LayerData, "implied"> & { readonly implied: ReadonlySet<string> },
  ): void {
    const isLayers = at.isNew || !data.implied.has(path);
    const before = this.prepare(at.path);
    const attributes = isLayers ? attributesIn(from, path, data) : before;
    for (const { name, type } of listAt(from)) {
      this.tree.sweep();
      const inLayer = joinPath(path, name);
      const target = joinPath(at.path, name);
      if (type !== DT_DIR) {
        this.place(from, name, target);
        continue;
      }
      const fd = check(
        syscall(NR.openat, from, cstr(name), O.RDONLY | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC, 0),
        `open ${inLayer}`,
      );
      try {
        this.merge(fd, inLayer, this.directoryAt(target, data.implied.has(inLayer)), data);
      } finally {
        close(fd);
      }
    }
    const fd = this.tree.openDirectory(at.path);
    try {
      if (isLayers || before.changed) this.owner.apply(fd, at.path || "/", attributes, false);
      setTimes(fd, null, attributes.mtime);
    } finally {
      close(fd);
    }
  }

  /** What a directory is, which gives nothing of that to what is made in it from now on. */
  private prepare(path: string): Attributes & { readonly changed: boolean } {
    const fd = this.tree.openDirectory(path);
    try {
      const attributes = statAttributes(fd, path);
      const changed = withoutSetgid(fd, path, attributes.mode) !== null;
      return { ...attributes, xattrs: new Map(), changed };
    } finally {
      close(fd);
    }
  }

  /** The directory that a layer's directory is merged with. */
  private directoryAt(path: string, implied: boolean): Merged {
    const there = this.tree.look(path);
    if (there !== null && (there.mode & S.IFMT) === S.IFDIR) return { path, isNew: false };
    // What names a directory on its way alone means the one that a lower layer's link leads to.
    if (implied && there !== null && (there.mode & S.IFMT) === S.IFLNK) {
      const place = this.tree.directoryIfThere(path);
      if (place !== null) return { path: place.path, isNew: false };
    }
    const parent = this.tree.directory(parentOf(path));
    const name = baseOf(path);
    this.tree.replacing(parent.fd, name, `make the directory ${path}`, () =>
      syscall(NR.mkdirat, parent.fd, cstr(name), 0o700),
    );
    return { path, isNew: true };
  }

  private place(from: number, name: string, target: string): void {
    const parent = this.tree.directory(parentOf(target));
    const base = baseOf(target);
    const link = () => syscall(NR.linkat, from, cstr(name), parent.fd, cstr(base), 0);
    let result = link();
    if (result === -E.EEXIST) {
      this.tree.remove(parent.fd, base);
      result = link();
    }
    if (result === -E.EMLINK || result === -E.EXDEV) {
      throw new BrunError(`the file ${target} has more hard links than the file system allows`, {
        code: "EMLINK",
      });
    }
    check(result, `link ${target}`);
  }

  private link(path: string, target: string): void {
    this.tree.sweep();
    const source = this.tree.directoryIfThere(parentOf(target));
    const there = source === null ? null : this.tree.look(joinPath(source.path, baseOf(target)));
    if (source === null || there === null || (there.mode & S.IFMT) === S.IFDIR) {
      throw new BrunError(`${path} is a hard link to ${target}, which no layer has`, { code: "ERR_ARCHIVE" });
    }
    const parent = this.tree.directory(parentOf(path));
    keepingTime(parent.fd, () => this.place(source.fd, baseOf(target), joinPath(parent.path, baseOf(path))));
  }
}

/** A directory's attributes; extended ones are in the layer's data. */
function attributesIn(fd: number, path: string, { xattrs }: Pick<LayerData, "xattrs">): Attributes {
  return {
    ...statAttributes(fd, path),
    xattrs: new Map(
      Object.entries(xattrs[path] ?? {}).map(([name, value]) => [
        name,
        new Uint8Array(Buffer.from(value, "base64")),
      ]),
    ),
  };
}
