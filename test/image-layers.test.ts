/**
 * Layers over layers, by chance: what brun makes of several is what they mean together, which is flattened here into one
 * archive for GNU tar. BRUN_IMAGES_TREES says how many images (300 with npm run test:security).
 */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { Random } from "../src/image/testing/random.ts";
import { type TestEntry, tarOf } from "../src/image/testing/tar.ts";
import { FULL } from "./security/support.ts";
import { callers, installed, ownedDir } from "./support/caller.ts";
import { Unpacking } from "./support/unpacking.ts";

const IMAGES = Number(process.env.BRUN_IMAGES_TREES ?? (FULL ? 300 : 1));
const SEED = Number(process.env.BRUN_IMAGES_SEED ?? Date.now() % 1_000_000);
const LAYERS = 5;
const ENTRIES = 25;

/** What is at a path when the layers up to one are applied; hard links share it. */
interface Node {
  readonly entry: TestEntry;
}

type Files = Map<string, Node>;

const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));
const isBelow = (path: string, directory: string): boolean => path.startsWith(`${directory}/`);

/** A directory that is named on the way alone: it is made now, which trees.py says of it. */
const implied = (path: string): Node => ({
  entry: { path, type: "5", mode: 0o755, mtime: Math.floor(Date.now() / 1000) },
});

function removeBelow(files: Files, directory: string): void {
  for (const path of [...files.keys()]) if (isBelow(path, directory)) files.delete(path);
}

function put(files: Files, path: string, node: Node): void {
  const parent = parentOf(path);
  if (parent !== "" && files.get(parent)?.entry.type !== "5") put(files, parent, implied(parent));
  if (node.entry.type !== "5") removeBelow(files, path);
  files.set(path, node);
}

/** One layer's entries, and what they do to the files of those below. */
function addLayer(random: Random, files: Files, layer: number): TestEntry[] {
  const lower: Files = new Map(files);
  const own = new Map<string, TestEntry>();
  const entries: TestEntry[] = [];
  const name = () => random.pick(["a", "b", "c", "d"]);
  const pathOf = () => Array.from({ length: 1 + random.below(4) }, name).join("/");
  const deletions: (() => void)[] = [];
  const additions: (() => void)[] = [];
  for (let i = 0; i < ENTRIES; i++) {
    const path = pathOf();
    if (random.one(4) && lower.size > 0) {
      const gone = random.pick([...lower.keys()]);
      const base = gone.slice(gone.lastIndexOf("/") + 1);
      const isOpaque = lower.get(gone)!.entry.type === "5" && random.one(2);
      const at = isOpaque ? gone : parentOf(gone);
      // The directory that it is in must stay one in this layer.
      if ([...own].some(([other, { type }]) => type !== "5" && (other === at || isBelow(at, other))))
        continue;
      entries.push({ path: `${at === "" ? "" : `${at}/`}.wh.${isOpaque ? ".wh..opq" : base}` });
      for (let way = at; way !== ""; way = parentOf(way)) {
        if (!own.has(way)) own.set(way, { path: way, type: "5" });
        const on = way;
        additions.push(() => {
          if (files.get(on)?.entry.type !== "5") put(files, on, implied(on));
        });
      }
      deletions.push(() => {
        removeBelow(files, gone);
        if (!isOpaque) files.delete(gone);
      });
      continue;
    }
    const isTaken = [...own].some(
      ([other, { type }]) => other === path || isBelow(other, path) || (type !== "5" && isBelow(path, other)),
    );
    if (isTaken) continue;
    const [uid, gid] = [random.pick([0, 0, 33]), random.pick([0, 0, 33])];
    const mtime = 1_000_000_000 + random.below(1000);
    const mode = random.pick([0o644, 0o755, 0o2755, 0o700]);
    const entry: TestEntry = random.pick<() => TestEntry>([
      () => ({ path, data: `${layer} ${i}`, mode, uid, gid, mtime }),
      () => ({ path, data: `${layer} ${i}`, mode, uid, gid, mtime }),
      () => ({ path, type: "5", mode, uid, gid, mtime }),
      () => ({ path, type: "2", link: "nowhere", mode: 0o777, uid, gid, mtime }),
    ])();
    own.set(path, entry);
    entries.push(entry);
    additions.push(() => put(files, path, { entry }));
  }
  for (const each of [...deletions, ...additions]) each();
  // To files of lower layers that are still there.
  for (const [target, node] of lower) {
    if (!random.one(6) || node.entry.type !== undefined || files.get(target) !== node) continue;
    const path = `links/${layer}-${random.below(1000)}`;
    if (files.has(path)) continue;
    entries.push({ path, type: "1", link: target });
    put(files, path, node);
  }
  return entries;
}

/** One archive of all, hard links as such. */
function flattened(files: Files): TestEntry[] {
  const first = new Map<Node, string>();
  return [...files]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, node]) => {
      const target = first.get(node);
      if (target !== undefined && node.entry.type === undefined) return { path, type: "1", link: target };
      first.set(node, path);
      return { ...node.entry, path };
    });
}

for (const caller of callers()) {
  test.skipIf(!installed("python3"))(
    `as ${caller.name}: ${IMAGES} images of ${LAYERS} layers from seed ${SEED}`,
    () => {
      for (let n = 0; n < IMAGES; n++) {
        using place = new Unpacking(caller);
        const random = new Random(SEED, n);
        const files: Files = new Map();
        const archives = Array.from({ length: LAYERS }, (_, layer) => {
          writeFileSync(`${place.dir}/${layer}.tar`, tarOf(addLayer(random, files, layer)));
          return `${place.dir}/${layer}.tar`;
        });
        const root = place.unpackAll(archives);
        const reference = ownedDir(caller, `${place.dir}/reference`);
        writeFileSync(`${place.dir}/flat.tar`, tarOf(flattened(files)));
        place.run("tar", "-C", reference, "--numeric-owner", "-xpf", `${place.dir}/flat.tar`);
        const list = (tree: string) => place.run("python3", "trees.py", "list", tree).split("\n").map(named);
        expect([n, list(root)]).toEqual([n, list(reference)]);
      }
    },
    3_600_000,
  );
}

/** A line of trees.py with its path as people read it. */
function named(line: string): string {
  return line.replace(/^[0-9a-f]+(?= )/, (hex) => Buffer.from(hex, "hex").toString());
}
