/**
 * Decodes a program's bytes into operations for people, which describe.ts prints. Structs are shown by their
 * offsets only, and trailing arguments of 0 are left out.
 */
import { ArgType, NO_SLOT, PROGRAM_MAGIC } from "../plan/abi.ts";
import { layout } from "../plan/layout.ts" with { type: "macro" };
import type { Label, Op, OpKindName, Slot, Value } from "../plan/operation.ts";
import { members } from "../sys/members.ts" with { type: "macro" };
import { type SyscallName, syscallName } from "../sys/syscalls.ts";
import { fromUtf8 } from "../sys/utf8.ts";

const HEADER = layout("programHeader");
const OP = layout("op");
const RELOCATION = layout("relocation");
const ARGUMENTS = 6;
const KINDS = Object.keys(members("OpKind")) as OpKindName[];

/**
 * Decodes the operations. `holes` gives texts that stand for arguments, by offset. Throws a RangeError for bytes
 * that are no program.
 */
export function decodeProgram(bytes: Uint8Array, holes: ReadonlyMap<number, string> = new Map()): Op[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(HEADER.magic, true) !== PROGRAM_MAGIC) throw new RangeError("not a program");
  const count = view.getUint32(HEADER.ops, true);
  const relocations = view.getUint32(HEADER.relocations, true);
  const blob = HEADER.sizeof + count * OP.sizeof + relocations * RELOCATION.sizeof;
  const strings = blob + view.getUint32(HEADER.strings, true);
  const text = (at: number): string => {
    const end = bytes.indexOf(0, strings + at);
    return fromUtf8(bytes.subarray(strings + at, end < 0 ? bytes.length : end));
  };
  return Array.from({ length: count }, (_, i) => decodeOp(view, HEADER.sizeof + i * OP.sizeof, text, holes));
}

function decodeOp(
  view: DataView,
  at: number,
  text: (at: number) => string,
  holes: ReadonlyMap<number, string>,
): Op {
  const kind = KINDS[view.getUint16(at + OP.kind, true)];
  if (kind === undefined) throw new RangeError("not an operation");
  const nr = view.getUint16(at + OP.nr, true);
  const types = view.getUint16(at + OP.types, true);
  const args = Array.from({ length: ARGUMENTS }, (_, i): Value => {
    const hole = holes.get(at + OP.args + 8 * i);
    if (hole !== undefined) return { type: ArgType.string, at: 0, text: `<${hole}>` };
    const value = view.getBigInt64(at + OP.args + 8 * i, true);
    return argument((types >> (2 * i)) & 3, Number(value), text);
  });
  while (args.at(-1) === 0) args.pop();
  const handled = [0, 1, 2, 3].map((i) => view.getUint8(at + OP.handled + i)).filter((errno) => errno !== 0);
  const close = [0, 1].map((i) => view.getUint16(at + OP.closes + 2 * i, true)).filter((n) => n !== NO_SLOT);
  const out = view.getUint16(at + OP.out, true);
  return {
    kind,
    name: kind === "syscall" || kind === "bits" ? (syscallName(nr) as SyscallName) : "",
    args,
    ...(handled.length > 0 && { handle: handled }),
    orElse: label(view.getUint32(at + OP.onHandled, true)),
    andThen: label(view.getUint32(at + OP.onSuccess, true)),
    ...(out !== NO_SLOT && { out: slot(out) }),
    ...(close.length > 0 && { close: close.map(slot) }),
    where: "",
    step: { kind: "none" },
  };
}

function argument(type: ArgType, value: number, text: (at: number) => string): Value {
  switch (type) {
    case ArgType.slot:
      return slot(value);
    case ArgType.string:
      return { type: ArgType.string, at: value, text: text(value) };
    case ArgType.blob:
      return { type: ArgType.blob, at: value, text: `struct at ${value}` };
    default:
      return value;
  }
}

function slot(at: number): Slot {
  return { type: ArgType.slot, at, text: "" };
}

function label(at: number): Label {
  return { at, waiting: [] };
}
