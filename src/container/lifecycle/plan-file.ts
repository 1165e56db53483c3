/** Files of plans: `planHeader` of src/plan/structs.ts, then the parts in the order of {@link Part}, each 8-aligned. */
import type { GuardOperation } from "../../host/guard.ts";
import { FrontFact } from "../../plan/abi.ts";
import { type Hole, NO_ANSWER, PARTS, Part, PLAN_MAGIC } from "../../plan/file-abi.ts";
import { layout } from "../../plan/layout.ts" with { type: "macro" };
import type { Program } from "../../plan/program.ts";
import { askFront } from "../../sys/ffi.ts";
import { each } from "../../sys/lists.ts";
import { fromUtf8, utf8 } from "../../sys/utf8.ts";

const header = layout("planHeader");
const hole = layout("hole");
const input = layout("input");

/** Whether there is a front, which uses plan files. */
export function hasFront(): boolean {
  return askFront(FrontFact.build) > 0;
}

/** Puts a file together. Parts are added in their order. */
export class FileBuilder {
  private readonly pieces: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  private readonly parts = new Uint32Array(2 * PARTS);
  private readonly holes: number[] = [];
  private end = header.sizeof;

  /** @param key texts that say what the file is for */
  constructor(key: readonly string[]) {
    this.texts(Part.key, key);
  }

  /** Adds a part. */
  add(part: Part, bytes: Uint8Array): void {
    this.parts[2 * part] = this.put(bytes);
    this.parts[2 * part + 1] = bytes.length;
  }

  /** Adds a part of texts, each with a NUL. */
  texts(part: Part, texts: readonly string[]): void {
    let all = "";
    each(texts, (text) => {
      all += `${text}\0`;
    });
    this.add(part, utf8(all));
  }

  /** Adds a plan; `open`: which of its holes the front fills in. */
  program(part: Part, { bytes, holes }: Program, open: readonly Hole[] = []): void {
    each(holes, ({ kind, index, at }) => {
      if (open.includes(kind)) this.holes.push(kind | (index << 16), this.end + at);
    });
    this.add(part, bytes);
  }

  /** Adds the questions with the answers that they must still have, and finishes the file. Returns its bytes. */
  finish(guard: readonly GuardOperation[]): Uint8Array {
    const inputs: number[] = [];
    each(guard, ({ kind, detail, about, answer }) => {
      inputs.push(kind, detail, this.put(about), about.length);
      inputs.push(answer === null ? NO_ANSWER : this.put(answer), answer === null ? 0 : answer.length);
    });
    this.add(Part.guard, new Uint8Array(new Uint32Array(inputs).buffer));
    this.add(Part.holes, new Uint8Array(new Uint32Array(this.holes).buffer));
    const bytes = new Uint8Array(this.end);
    const words = new Uint32Array(bytes.buffer, 0, header.sizeof / 4);
    words.set(this.parts, header.parts / 4);
    each(this.pieces, (piece) => bytes.set(piece.bytes, piece.at));
    const checksum = Bun.hash.xxHash32(bytes.subarray(header.parts));
    words.set([PLAN_MAGIC, askFront(FrontFact.build), this.end, checksum]);
    return bytes;
  }

  private put(bytes: Uint8Array): number {
    const at = this.end;
    this.pieces.push({ at, bytes });
    this.end = (at + bytes.length + 7) & ~7;
    return at;
  }
}

/** A plan file that has been read. */
export class PlanFile {
  private readonly words: Uint32Array;

  /** Throws a RangeError if the bytes are no whole plan file. */
  constructor(private readonly bytes: Uint8Array) {
    const size = bytes.length - (bytes.length % 4);
    this.words = new Uint32Array(bytes.slice(0, size).buffer);
    const [magic, , length, checksum] = this.words;
    if (magic !== PLAN_MAGIC || length !== bytes.length || length < header.sizeof)
      throw new RangeError("not a plan");
    if (checksum !== Bun.hash.xxHash32(bytes.subarray(header.parts))) throw new RangeError("a damaged plan");
  }

  /** The build of brun that has written it. */
  get build(): number {
    return this.words[1]!;
  }

  part(index: Part): Uint8Array {
    return this.piece(header.parts / 4 + 2 * index);
  }

  /** The texts of a part. */
  texts(index: Part): string[] {
    return fromUtf8(this.part(index)).split("\0").slice(0, -1);
  }

  /** The questions of the guard with their answers. */
  guard(): GuardOperation[] {
    const [at, size] = [this.words[header.parts / 4 + 2 * Part.guard]!, this.part(Part.guard).length];
    return Array.from({ length: size / input.sizeof }, (_, i) => {
      const word = (at + i * input.sizeof) / 4;
      const answer = this.words[word + input.answer / 4];
      return {
        kind: this.words[word]!,
        detail: this.words[word + 1]!,
        about: this.piece(word + input.about / 4),
        answer: answer === NO_ANSWER ? null : this.piece(word + input.answer / 4),
      };
    });
  }

  /** The holes of a part, by their places. */
  holes(index: Part): Map<number, Hole> {
    const word = header.parts / 4 + 2 * index;
    const [at, size] = [this.words[word]!, this.words[word + 1]!];
    const holes = this.part(Part.holes);
    const view = new DataView(holes.buffer, holes.byteOffset, holes.length);
    const found = new Map<number, Hole>();
    for (let i = 0; i + hole.sizeof <= holes.length; i += hole.sizeof) {
      const place = view.getUint32(i + hole.at, true) - at;
      if (place >= 0 && place < size) found.set(place, view.getUint16(i + hole.kind, true));
    }
    return found;
  }

  private piece(word: number): Uint8Array {
    const [at, size] = [this.words[word]!, this.words[word + 1]!];
    return this.bytes.slice(at, at + size);
  }
}
