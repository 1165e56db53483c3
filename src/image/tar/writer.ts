/**
 * Writes the archive of a layer with ustar headers. Values that do not fit get extended headers (pax,
 * POSIX.1-2024).
 */
import { utf8 } from "../../sys/utf8.ts";
import { BLOCK } from "./header.ts";
import type { TarEntry } from "./reader.ts";

const TYPES: Readonly<Record<TarEntry["type"], string>> = {
  file: "0",
  link: "1",
  symlink: "2",
  char: "3",
  block: "4",
  dir: "5",
  fifo: "6",
};

const NAME_MAX = 100;
/** The maximum of seven octal digits, and of eleven. */
const ID_MAX = 0o7777777;
const SIZE_MAX = 0o77777777777;

/** The headers of an entry, which precede its data. Times are whole seconds, as in docker's layers. */
export function entryHeaders(entry: TarEntry): Uint8Array {
  const records: [string, string | Uint8Array][] = [];
  const name = utf8(entry.type === "dir" && !entry.path.endsWith("/") ? `${entry.path}/` : entry.path);
  const link = utf8(entry.linkPath);
  if (!fits(name)) records.push(["path", name]);
  if (!fits(link)) records.push(["linkpath", link]);
  if (entry.uid > ID_MAX) records.push(["uid", `${entry.uid}`]);
  if (entry.gid > ID_MAX) records.push(["gid", `${entry.gid}`]);
  if (entry.size > SIZE_MAX) records.push(["size", `${entry.size}`]);
  const seconds = Number(entry.mtime / 1_000_000_000n);
  if (seconds < 0 || seconds > SIZE_MAX) records.push(["mtime", `${seconds}`]);
  for (const [key, value] of entry.xattrs) records.push([`SCHILY.xattr.${key}`, value]);
  const parts: Uint8Array[] = [];
  if (records.length > 0) {
    const data = paxData(records);
    parts.push(
      block({ name: utf8("PaxHeaders.0/x"), type: "x", size: data.length, mode: 0o644 }),
      padding(data),
    );
  }
  parts.push(
    block({
      name,
      link,
      type: TYPES[entry.type],
      size: entry.type === "file" ? entry.size : 0,
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      mtime: seconds,
    }),
  );
  return Buffer.concat(parts);
}

/** The blocks after the last entry. */
export function archiveEnd(): Uint8Array {
  return new Uint8Array(2 * BLOCK);
}

/** The zeros that fill the last block of a file. */
export function filling(size: number): Uint8Array {
  return new Uint8Array(Math.ceil(size / BLOCK) * BLOCK - size);
}

function fits(name: Uint8Array): boolean {
  return name.length <= NAME_MAX && name.every((byte) => byte < 0x80);
}

function padding(data: Uint8Array): Uint8Array {
  return Buffer.concat([data, filling(data.length)]);
}

/** The data of an extended header, as {@link readPax} in pax.ts reads it. */
export function paxData(records: readonly (readonly [string, string | Uint8Array])[]): Uint8Array {
  return Buffer.concat(
    records.map(([key, given]) => {
      const value = typeof given === "string" ? utf8(given) : given;
      const rest = utf8(key).length + value.length + 3;
      // The length includes its own digits.
      let length = rest + `${rest}`.length;
      if (`${length}`.length > `${rest}`.length) length = rest + `${length}`.length;
      return Buffer.concat([utf8(`${length} ${key}=`), value, utf8("\n")]);
    }),
  );
}

interface Fields {
  readonly name: Uint8Array;
  readonly link?: Uint8Array;
  readonly type: string;
  readonly size: number;
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
}

function block({ name, link, type, size, mode, uid = 0, gid = 0, mtime = 0 }: Fields): Uint8Array {
  const header = new Uint8Array(BLOCK);
  const put = (at: number, text: string | Uint8Array, most: number) =>
    header.set((typeof text === "string" ? utf8(text) : text).subarray(0, most), at);
  // A value that does not fit is in the extended header.
  const octal = (value: number, digits: number) =>
    `${(value >= 0 && value < 8 ** digits ? value : 0).toString(8).padStart(digits, "0")}\0`;
  put(0, name, NAME_MAX);
  put(100, octal(mode, 7), 8);
  put(108, octal(uid, 7), 8);
  put(116, octal(gid, 7), 8);
  put(124, octal(size, 11), 12);
  put(136, octal(mtime, 11), 12);
  put(148, "        ", 8);
  put(156, type, 1);
  put(157, link ?? new Uint8Array(0), NAME_MAX);
  put(257, "ustar\x0000", 8);
  let sum = 0;
  for (const byte of header) sum += byte;
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `, 8);
  return header;
}
