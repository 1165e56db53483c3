/**
 * Puts the front (nsenter/front) before Bun in an executable that Bun has compiled: the kernel starts the front, which
 * loads the rest when it is wanted.
 */
import { createHash } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { Elf } from "../nsenter/elf.ts";
import { SEGMENTS_MAX } from "../src/plan/abi.ts";
import { layout } from "../src/plan/layout.ts";

const ET_EXEC = 2;
const PT_LOAD = 1;
const PT_INTERP = 3;
const PT_NOTE = 4;
const PT_PHDR = 6;
const HEADER_SIZE = layout("elfSegment").sizeof;
const behindAt = layout("behind");

/**
 * An executable with the front in it.
 * @param bun the compiled executable
 * @throws Error it is not one that the front fits
 */
function withFront(bun: Buffer, front: Buffer): Buffer {
  const executable = new Elf(bun);
  const added = new Elf(front);
  if (executable.type !== ET_EXEC || executable.machine !== added.machine)
    throw new Error("not an executable for a fixed address and the front's machine");
  const own = executable.segments;
  if (own.length > SEGMENTS_MAX) throw new Error(`more than ${SEGMENTS_MAX} program headers`);
  if (!own.some((s) => s.type === PT_INTERP)) throw new Error("it has no interpreter, or a front already");
  const loads = added.segments.filter((s) => s.type === PT_LOAD);
  const first = Math.min(...loads.map((s) => s.address));
  if (own.some((s) => s.address + s.memory > first)) throw new Error("the front's addresses are in use");

  const align = Math.max(...loads.map((s) => s.align));
  const at = Math.ceil(bun.length / align) * align;
  const part = Buffer.from(front);
  // For the dynamic loader: the original headers, and where they are now.
  const behind = added.section(".behind");
  part.writeBigUInt64LE(executable.entry, behind.offset + behindAt.entry);
  part.writeUInt32LE(own.length, behind.offset + behindAt.segmentCount);
  part.writeUInt32LE(buildOf(bun, front), behind.offset + behindAt.build);
  for (const [i, segment] of own.entries()) {
    const header = Buffer.from(segment.bytes);
    if (segment.type === PT_PHDR) header.writeBigUInt64LE(BigInt(behind.address + behindAt.segments), 16);
    header.copy(part, behind.offset + behindAt.segments + i * HEADER_SIZE);
  }
  // For the kernel: no interpreter, and the front's segments last, since they have the highest addresses.
  const kept = own.filter((s) => s.type !== PT_INTERP && s.type !== PT_NOTE).map((s) => s.bytes);
  for (const segment of loads) {
    const header = Buffer.from(segment.bytes);
    header.writeBigUInt64LE(BigInt(at + segment.offset), 8);
    kept.push(header);
  }
  if (kept.length > own.length) throw new Error("no room for the front's program headers");
  const result = Buffer.concat([bun, Buffer.alloc(at - bun.length), part]);
  for (const [i, header] of kept.entries()) header.copy(result, executable.segmentsAt + i * HEADER_SIZE);
  result.writeUInt16LE(kept.length, 56);
  result.writeBigUInt64LE(added.entry, 24);
  return result;
}

/** A number other than 0 by which a build of brun recognizes files that it has written. */
function buildOf(bun: Buffer, front: Buffer): number {
  return createHash("sha256").update(bun).update(front).digest().readUInt32LE(0) || 1;
}

/** Puts the front into an executable. Both are paths. */
export function addFront(executable: string, front: string): void {
  writeFileSync(executable, withFront(readFileSync(executable), readFileSync(front)));
  chmodSync(executable, 0o755);
}
