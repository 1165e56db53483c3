/**
 * Compiles the valibot schemas to plain checks. In a cold process building the schemas takes 0.9 ms and running
 * them 0.3 ms; the compiled checks take 0.2 ms in all. So fits.gen.ts checks a config first, and valibot is loaded
 * only to describe mistakes. The schemas stay the only definition: a test compares fits.gen.ts with the output of
 * this file. After a change: `bun src/spec/fits.write.ts`.
 */
import type { SchemaNode } from "./schema-node.ts";
import { SpecSchema } from "./spec.ts";
import { int64, uint64 } from "./types.ts";

/** Functions by their text, so that equal types share one. */
const functions = new Map<string, string>();

/**
 * An expression that is true if `x` fits. `name` is the name for functions that it needs.
 * Throws for an unknown kind.
 */
function expression(schema: SchemaNode, x: string, name: string): string {
  if (Object.is(schema, int64)) return `isInt64(${x})`;
  if (Object.is(schema, uint64)) return `isUint64(${x})`;
  switch (schema.type) {
    case "string":
    case "boolean":
      return `typeof ${x} === "${schema.type}"`;
    case "number":
      return `isInteger(${x}, ${bound(schema, "min_value")}, ${bound(schema, "max_value")})`;
    case "picklist":
      return `${define(name, options(schema))}(${x})`;
    case "array":
      if (schema.item!.type === "string") return `isStrings(${x})`;
      return `isList(${x}, ${test(schema.item!, singular(name))})`;
    case "record":
      return `isMap(${x}, ${test(schema.value!, `${name}Value`)})`;
    case "object":
      return `${define(name, body(schema))}(${x})`;
  }
  throw new Error(`no check for valibot's ${schema.type}`);
}

function bound(schema: SchemaNode, type: string): unknown {
  return schema.pipe!.find((action) => action.type === type)!.requirement;
}

function singular(name: string): string {
  return name.replace(/ies$/, "y").replace(/s$/, "");
}

/** The name of a function of one argument that checks a schema. */
function test(schema: SchemaNode, name: string): string {
  if (schema.type === "string") return "isString";
  const call = expression(schema, "x", name);
  if (/^fits\w+\(x\)$/.test(call)) return call.slice(0, -3);
  return define(name, `(x: unknown): boolean {\n  return ${call};\n}`);
}

/** Declares a function, unless there is an equal one, and returns its name. */
function define(name: string, text: string): string {
  const known = functions.get(text);
  if (known !== undefined) return known;
  const wanted = `fits${name[0]!.toUpperCase()}${name.slice(1)}`;
  const taken = new Set(functions.values());
  let free = wanted;
  for (let i = 2; taken.has(free); i++) free = `${wanted}${i}`;
  functions.set(text, free);
  return free;
}

/** Uses comparisons: a switch on strings would build a table, which costs 25 page faults in a cold process. */
function options(schema: SchemaNode): string {
  const tests = schema.options!.map((option) => `x === "${option}"`);
  return `(x: unknown): boolean {\n  return (\n    ${tests.join(" ||\n    ")}\n  );\n}`;
}

function body(schema: SchemaNode): string {
  const lines = ["(x: unknown): boolean {", "  if (!isObject(x)) return false;"];
  for (const [name, entry] of Object.entries(schema.entries!)) {
    const optional = entry.type === "optional";
    const check = expression(optional ? entry.wrapped! : entry, `x.${name}`, name);
    const negated = check.startsWith("typeof") ? check.replace("===", "!==") : `!${check}`;
    if (entry.default !== undefined) lines.push(`  x.${name} ??= ${JSON.stringify(entry.default)};`);
    if (!optional || entry.default !== undefined) lines.push(`  if (${negated}) return false;`);
    else lines.push(`  if (x.${name} !== undefined && ${negated} && !absent(x, "${name}")) return false;`);
  }
  return [...lines, "  return true;", "}"].join("\n");
}

/** The contents of fits.gen.ts. */
export function generate(): string {
  functions.clear();
  test(SpecSchema as unknown as SchemaNode, "spec");
  const exported = ["fitsSpec", "fitsProcess"];
  const declared = [...functions].map(([text, name]) => {
    return `${exported.includes(name) ? "export " : ""}function ${name}${text}\n`;
  });
  return `// biome-ignore-all format: generated
/**
 * Whether a value parsed from JSON has the types of a config. Made from the valibot schemas by fits.write.ts; do
 * not edit. Each function changes the value in place: null in an optional field becomes undefined, an absent field
 * with a default gets it. Unknown fields stay. An integer that JSON.parse did not read exactly does not fit.
 */
import { absent, isInt64, isInteger, isList, isMap, isObject, isString, isStrings, isUint64 } from "./fits.ts";

${declared.join("\n")}`;
}

if (import.meta.main) await Bun.write(`${import.meta.dir}/fits.gen.ts`, generate());
