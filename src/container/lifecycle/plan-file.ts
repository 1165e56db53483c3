/** The file of a plan: `cachedHeader` of src/plan/structs.ts, the parts in the order of {@link Part}, each 8-aligned. */
import type { GuardOperation } from "../../host/guard.ts";
import { CACHED_MAGIC, FrontFact, NO_ANSWER, Part } from "../../plan/abi.ts";
import { layout } from "../../plan/layout.ts" with { type: "macro" };
import type { Program } from "../../plan/program.ts";
import { askFront } from "../../sys/ffi.ts";
import { each } from "../../sys/lists.ts";

const header = layout("cachedHeader");
const input = layout("input");

/** The file's parts, one after the other. */
export class FileBuilder {
  private readonly parts: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  private readonly places: number[] = [];
  private readonly heads: number[] = [];
  private end = header.sizeof;

  /** Adds a part of its own. */
  add(bytes: Uint8Array): void {
    this.heads.push(this.put(bytes), bytes.length);
  }

  /** Adds a program, in which the id is to be put. */
  program({ bytes, ids }: Program): void {
    each(ids, (place) => this.places.push(this.end + place));
    this.add(bytes);
  }

  /** Adds the questions that have to have their answers still. */
  guard(operations: readonly GuardOperation[]): void {
    const words: number[] = [];
    each(operations, ({ kind, detail, about, answer }) => {
      words.push(kind, detail, this.put(about), about.length);
      words.push(answer === null ? NO_ANSWER : this.put(answer), answer === null ? 0 : answer.length);
    });
    this.add(new Uint8Array(new Uint32Array(words).buffer));
  }

  /** Adds where ids are. */
  ids(): void {
    this.add(new Uint8Array(new Uint32Array(this.places).buffer));
  }

  /** The file's bytes. */
  finish(): Uint8Array {
    const bytes = new Uint8Array(this.end);
    const words = new Uint32Array(bytes.buffer, 0, header.sizeof / 4);
    words.set(this.heads, header.parts / 4);
    each(this.parts, (part) => bytes.set(part.bytes, part.at));
    const checksum = Bun.hash.xxHash32(bytes.subarray(header.parts));
    words.set([CACHED_MAGIC, askFront(FrontFact.build), this.end, checksum]);
    return bytes;
  }

  private put(bytes: Uint8Array): number {
    const at = this.end;
    this.parts.push({ at, bytes });
    this.end = (at + bytes.length + 7) & ~7;
    return at;
  }
}

/** A plan as it stands in a file. */
export class PlanFile {
  private readonly words: Uint32Array;

  /** Throws a RangeError for what is none that is whole. */
  constructor(private readonly bytes: Uint8Array) {
    const size = bytes.length - (bytes.length % 4);
    this.words = new Uint32Array(bytes.slice(0, size).buffer);
    const [magic, , length, checksum] = this.words;
    if (magic !== CACHED_MAGIC || length !== bytes.length || length < header.sizeof)
      throw new RangeError("not a plan");
    if (checksum !== Bun.hash.xxHash32(bytes.subarray(header.parts))) throw new RangeError("a damaged plan");
  }

  /** Which brun has written it. */
  get build(): number {
    return this.words[1]!;
  }

  part(index: Part): Uint8Array {
    return this.piece(header.parts / 4 + 2 * index);
  }

  /** What has to be answered as it was. */
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

  private piece(word: number): Uint8Array {
    const [at, size] = [this.words[word]!, this.words[word + 1]!];
    return this.bytes.slice(at, at + size);
  }
}
