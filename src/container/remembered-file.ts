/** The layout of what is remembered of a `run`: nsenter/front/remembered.h, whose order the parts have. */
import { FrontFact } from "../plan/abi.ts";
import type { Program } from "../stage/program.ts";
import { askFront } from "../sys/ffi.ts";
import { each } from "../sys/lists.ts";
import { utf8 } from "../sys/utf8.ts";

const MAGIC = 0x6d657262;
const NOT_THERE = 0xffffffff;
const HEADER_WORDS = 6;
const PARTS = 13;

/** A file's path, and what it holds; null: there is none. */
export type Witness = readonly [path: string, content: string | null];

/** The file's parts, one after the other. */
export class FileBuilder {
  private readonly parts: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  private readonly places: number[] = [];
  private readonly heads: number[] = [];
  private end = 4 * (HEADER_WORDS + 2 * PARTS);

  /** Adds a part of its own. */
  add(bytes: Uint8Array): void {
    this.heads.push(this.put(bytes), bytes.length);
  }

  /** Adds a program, in which the id is to be put. */
  program({ bytes, ids }: Program): void {
    each(ids, (place) => this.places.push(this.end + place));
    this.add(bytes);
  }

  /** Adds files that have to hold what they hold. */
  witnesses(files: readonly Witness[]): void {
    const words: number[] = [];
    each(files, ([path, content]) => {
      const name = utf8(`${path}\0`);
      words.push(this.put(name), name.length);
      const bytes = utf8(content ?? "");
      words.push(content === null ? NOT_THERE : this.put(bytes), bytes.length);
    });
    this.add(new Uint8Array(new Uint32Array(words).buffer));
  }

  /** Adds where ids are. */
  ids(): void {
    this.add(new Uint8Array(new Uint32Array(this.places).buffer));
  }

  /** The file's bytes. `facts`: group, stdio, keyring and terminal of the caller. */
  finish(facts: readonly number[]): Uint8Array {
    const bytes = new Uint8Array(this.end);
    const header = [MAGIC, askFront(FrontFact.build), ...facts, ...this.heads];
    bytes.set(new Uint8Array(new Uint32Array(header).buffer));
    each(this.parts, (part) => bytes.set(part.bytes, part.at));
    return bytes;
  }

  private put(bytes: Uint8Array): number {
    const at = this.end;
    this.parts.push({ at, bytes });
    this.end = (at + bytes.length + 7) & ~7;
    return at;
  }
}
