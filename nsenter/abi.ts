/** Writes the C header for src/plan/{abi,file-abi,structs}.ts to stdout. build.sh keeps it as build/abi.h. */
import * as abi from "../src/plan/abi.ts";
import * as files from "../src/plan/file-abi.ts";
import { layout, type StructName } from "../src/plan/layout.ts";
import { structs } from "../src/plan/structs.ts";

type Members = Readonly<Record<string, number | string>>;

/** The names of the enums in C, and the prefixes of their members. */
const ENUMS: readonly (readonly [name: string, prefix: string, members: Members])[] = [
  ["op_kind", "OP", abi.OpKind],
  ["copy_what", "COPY", abi.Copy],
  ["target_flag", "TARGET", abi.Target],
  ["arg_type", "ARG", abi.ArgType],
  ["message_type", "PROC", abi.Message],
  ["spawn_flag", "SPAWN", abi.Spawn],
  ["supervise_flag", "SUPERVISE", abi.Supervise],
  ["catch_which", "CATCH", abi.Catch],
  ["attach_message", "ATTACH", abi.Attach],
  ["front_call", "CALL", abi.FrontCall],
  ["front_fact", "FACT", abi.FrontFact],
  ["fall_back", "FALL_BACK", abi.FallBack],
  ["libc_function", "LIBC", abi.LibcFunction],
  ["plan_part", "PART", files.Part],
  ["hole_kind", "HOLE", files.Hole],
  ["manner_flag", "MANNER", files.Manner],
  ["local_slot", "SLOT", files.LocalSlot],
  ["read_slot", "READ", files.ReadSlot],
  ["look_slot", "LOOK", files.LookSlot],
  ["list_word", "WORD", files.ListWord],
  ["input_kind", "INPUT", files.InputKind],
];

/** The name of a field in C: `execFd` becomes `exec_fd`. */
function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function cType(type: string): string {
  const [, sign, bits] = /^([iu])(\d+)$/.exec(type) ?? [];
  if (bits !== undefined) return `${sign === "u" ? "u" : ""}int${bits}_t`;
  return type === "char" ? type : `struct ${snake(type)}`;
}

function defines(): string[] {
  return Object.entries({ ...abi, ...files }).flatMap(([name, value]) => {
    if (typeof value === "string") return [`#define ${name} ${JSON.stringify(value)}`];
    return typeof value === "number" ? [`#define ${name} ${value}${value > 0x7fffffff ? "U" : ""}`] : [];
  });
}

function enumeration(name: string, prefix: string, members: Members): string[] {
  const values = Object.entries(members).filter(([, value]) => typeof value === "number");
  const lines = values.map(([member, value]) => `\t${prefix}_${snake(member).toUpperCase()} = ${value},`);
  return [`enum ${name} {`, ...lines, "};"];
}

function struct(key: StructName): string[] {
  const name = `struct ${snake(key)}`;
  const fields = Object.entries<string | readonly [string, number]>(structs[key]);
  const lines = fields.map(([field, type]) =>
    typeof type === "string"
      ? `\t${cType(type)} ${snake(field)};`
      : `\t${cType(type[0])} ${snake(field)}[${type[1]}];`,
  );
  const { sizeof, ...offsets } = layout(key) as Record<string, number>;
  const asserts = Object.entries(offsets).map(
    ([field, at]) =>
      `_Static_assert(offsetof(${name}, ${snake(field)}) == ${at}, "${name}: ${snake(field)}");`,
  );
  asserts.push(`_Static_assert(sizeof(${name}) == ${sizeof}, "${name}");`);
  return [`${name} {`, ...lines, "};", ...asserts];
}

/** The text of the header. */
function header(): string {
  const blocks = [
    ["/* Made by nsenter/abi.ts of src/plan/abi.ts, file-abi.ts and structs.ts, which say what it means. */"],
    ["#ifndef BRUN_ABI_H", "#define BRUN_ABI_H"],
    ["#include <stddef.h>", "#include <stdint.h>"],
    defines(),
    ...ENUMS.map(([name, prefix, members]) => enumeration(name, prefix, members)),
    ...(Object.keys(structs) as StructName[]).map(struct),
    ["#endif"],
  ];
  return `${blocks.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

if (import.meta.main) process.stdout.write(header());
