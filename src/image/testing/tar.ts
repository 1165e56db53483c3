/** Writes tar archives for tests, including hostile ones that real tools would not write. */
import { utf8 } from "../../sys/utf8.ts";
import { paxData } from "../tar/writer.ts";

/** An entry. Absent fields have usual values. */
export interface TestEntry {
  readonly path: string;
  /** "0" file, "1" hard link, "2" symbolic link, "3" and "4" devices, "5" directory, "6" FIFO. */
  readonly type?: string;
  readonly data?: string | Uint8Array;
  readonly link?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds. */
  readonly mtime?: number;
  /** The records of an extended header before the entry. */
  readonly pax?: Readonly<Record<string, string | Uint8Array>>;
  /** The size in the header, if it is not the data's length. */
  readonly size?: number;
}

const BLOCK = 512;

/** A header block with its checksum. */
export function headerBlock(entry: TestEntry, length: number): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const put = (at: number, text: string | Uint8Array, most: number) =>
    block.set((typeof text === "string" ? utf8(text) : text).subarray(0, most), at);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, "0")}\0`;
  put(0, entry.path, 100);
  put(100, octal(entry.mode ?? (entry.type === "5" ? 0o755 : 0o644), 8), 8);
  put(108, octal(entry.uid ?? 0, 8), 8);
  put(116, octal(entry.gid ?? 0, 8), 8);
  put(124, octal(entry.size ?? length, 12), 12);
  put(136, octal(entry.mtime ?? 1_600_000_000, 12), 12);
  put(148, "        ", 8);
  put(156, entry.type ?? "0", 1);
  put(157, entry.link ?? "", 100);
  put(257, "ustar\x0000", 8);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `, 8);
  return block;
}

/** Pads bytes to whole blocks. */
export function padded(data: Uint8Array): Uint8Array {
  const all = new Uint8Array(Math.ceil(data.length / BLOCK) * BLOCK);
  all.set(data);
  return all;
}

/** An archive with two blocks of zeros at its end. */
export function tarOf(entries: readonly TestEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    if (entry.pax !== undefined) {
      const data = paxData(Object.entries(entry.pax));
      parts.push(headerBlock({ path: "PaxHeaders/x", type: "x" }, data.length), padded(data));
    }
    const data = typeof entry.data === "string" ? utf8(entry.data) : (entry.data ?? new Uint8Array(0));
    parts.push(headerBlock(entry, data.length), padded(data));
  }
  parts.push(new Uint8Array(2 * BLOCK));
  return Buffer.concat(parts);
}
