/**
 * Writes changes as a patch in git's extended format (git-diff(1), "Generating patch text with -p"), for `git
 * apply`.
 */
import { structuredPatch } from "diff";
import { listAt } from "../image/unpack/written-tree.ts";
import { close } from "../sys/fs.ts";
import { utf8 } from "../sys/utf8.ts";
import { contentAt, type Entry, entryAt, linkAt, tryOpenDirectory } from "./entry.ts";
import { binaryPatch } from "./git-binary.ts";
import type { Change, Compared } from "./walk.ts";

const SYMLINK = "120000";
/** The number of bytes in which git looks for a NUL. A file with a NUL there is binary. */
const LOOKED_AT = 8000;
const CONTEXT = 3;
const PATIENCE_MS = 2000;

/** One side of a change in git's terms. */
interface Blob {
  /** "100644", "100755" or "120000". */
  readonly mode: string;
  readonly bytes: Uint8Array;
}

/**
 * The patch, as bytes. It contains regular files and symbolic links, since git knows nothing else. Throws a
 * SysError.
 * @param base an absolute directory to which the patch's paths are relative
 */
export function patchOf(changes: readonly Change[], compared: Compared, base: string): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { path, was, is } of changes) {
    // The content of a directory that still exists has its own changes.
    const stays = was?.type === "directory" && is?.type === "directory";
    const before = new Map(was === null || stays ? [] : blobs(compared.lower, path, was));
    const after = new Map(is === null || is.type === "directory" ? [] : blobs(compared.upper, path, is));
    for (const place of new Set([...before.keys(), ...after.keys()]))
      parts.push(filePatch(below(base, place), before.get(place) ?? null, after.get(place) ?? null));
  }
  return Buffer.concat(parts);
}

function below(base: string, path: string): string {
  return path.slice(base === "/" ? 1 : base.length + 1);
}

/** The files that git would store for an entry. For a deleted directory they are all files in it. */
function blobs(root: string, path: string, entry: Entry): (readonly [string, Blob])[] {
  const slash = path.lastIndexOf("/");
  const directory = tryOpenDirectory(`${root}${path.slice(0, slash)}` || "/");
  if (directory < 0) return [];
  try {
    if (entry.type !== "directory") {
      const blob = blobAt(directory, path.slice(slash + 1), entry);
      return blob === null ? [] : [[path, blob]];
    }
    const inside = tryOpenDirectory(`${root}${path}`);
    if (inside < 0) return [];
    try {
      return listAt(inside).flatMap(({ name }) => {
        const found = entryAt(inside, name);
        return found === null ? [] : blobs(root, `${path}/${name}`, found);
      });
    } finally {
      close(inside);
    }
  } finally {
    close(directory);
  }
}

function blobAt(directory: number, name: string, { type, mode }: Entry): Blob | null {
  if (type === "link") return { mode: SYMLINK, bytes: utf8(linkAt(directory, name)) };
  if (type !== "file") return null;
  return { mode: (mode & 0o100) !== 0 ? "100755" : "100644", bytes: contentAt(directory, name) };
}

function filePatch(path: string, old: Blob | null, now: Blob | null): Uint8Array {
  // git sees no difference.
  if (old !== null && now !== null && old.mode === now.mode && Buffer.compare(old.bytes, now.bytes) === 0)
    return new Uint8Array(0);
  // git shows a file that is replaced by a link, or a link by a file, as a deletion and an addition.
  if (old !== null && now !== null && (old.mode === SYMLINK) !== (now.mode === SYMLINK))
    return Buffer.concat([filePatch(path, old, null), filePatch(path, null, now)]);
  const [a, b] = [gitName(`a/${path}`), gitName(`b/${path}`)];
  const head = [`diff --git ${a} ${b}`];
  if (old === null) head.push(`new file mode ${now!.mode}`);
  else if (now === null) head.push(`deleted file mode ${old.mode}`);
  else if (old.mode !== now.mode) head.push(`old mode ${old.mode}`, `new mode ${now.mode}`);
  const [before, after] = [old?.bytes ?? new Uint8Array(0), now?.bytes ?? new Uint8Array(0)];
  const same = old !== null && now !== null && Buffer.compare(before, after) === 0;
  if (same) return latin1(`${head.join("\n")}\n`);
  const mode = old !== null && now !== null && old.mode === now.mode ? ` ${now.mode}` : "";
  head.push(
    `index ${old === null ? NOTHING : blobId(before)}..${now === null ? NOTHING : blobId(after)}${mode}`,
  );
  const body = isText(before) && isText(after) ? hunks(a, b, old, now) : binaryPatch(before, after);
  return latin1(`${head.join("\n")}\n${body}`);
}

const NOTHING = "0".repeat(40);

/** git's id of a blob (gitformat-pack(5)): SHA-1. */
function blobId(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

function isText(bytes: Uint8Array): boolean {
  return !bytes.subarray(0, LOOKED_AT).includes(0);
}

/** The text part of a patch. Each character is a byte, so a file's encoding does not matter. */
function hunks(a: string, b: string, old: Blob | null, now: Blob | null): string {
  const text = (blob: Blob | null) => (blob === null ? "" : Buffer.from(blob.bytes).toString("latin1"));
  const options = { context: CONTEXT, timeout: PATIENCE_MS };
  const patch = structuredPatch("", "", text(old), text(now), undefined, undefined, options);
  // The comparison was given up: two long texts without a common line take very long.
  if (patch === undefined)
    return binaryPatch(old?.bytes ?? new Uint8Array(0), now?.bytes ?? new Uint8Array(0));
  if (patch.hunks.length === 0) return "";
  const lines = [
    `--- ${old === null ? "/dev/null" : tabbed(a)}`,
    `+++ ${now === null ? "/dev/null" : tabbed(b)}`,
  ];
  for (const { oldStart, oldLines, newStart, newLines, lines: changed } of patch.hunks) {
    lines.push(`@@ -${range(oldStart, oldLines)} +${range(newStart, newLines)} @@`, ...changed);
  }
  return `${lines.join("\n")}\n`;
}

/** A tab after a name with a blank. Otherwise patch(1) would take the part after the blank for a date. */
function tabbed(name: string): string {
  return name.includes(" ") && !name.startsWith('"') ? `${name}\t` : name;
}

/** A range in a hunk's header. A range without lines has the number of the line before it. */
function range(start: number, lines: number): string {
  if (lines === 0) return `${Math.max(start - 1, 0)},0`;
  return lines === 1 ? String(start) : `${start},${lines}`;
}

/** A path in git's form: in quotes with C's escapes if it has special characters. */
function gitName(path: string): string {
  let escaped = "";
  for (const byte of utf8(path)) {
    const special = ESCAPES[byte];
    if (special !== undefined) escaped += special;
    else if (byte < 0x20 || byte >= 0x7f) escaped += `\\${byte.toString(8).padStart(3, "0")}`;
    else escaped += String.fromCharCode(byte);
  }
  return escaped === path ? path : `"${escaped}"`;
}

const ESCAPES: Readonly<Record<number, string>> = {
  7: "\\a",
  8: "\\b",
  9: "\\t",
  10: "\\n",
  11: "\\v",
  12: "\\f",
  13: "\\r",
  34: '\\"',
  92: "\\\\",
};

function latin1(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}
