/**
 * Bundler macro: where the fields of structs.ts are. In the bundle `layout("failure").detail` is the number 8.
 */
import { structs } from "./structs.ts";

type Structs = typeof structs;
export type StructName = keyof Structs;

/** Offset of each field in bytes, and under `sizeof` the size of the whole. */
export type Layout<S extends StructName> = { readonly [F in keyof Structs[S] | "sizeof"]: number };

type Type = string | readonly [type: string, length: number];

/** Bytes and alignment of a type of one value; what is no integer is a struct. */
function sizeOf(type: string): { size: number; align: number } {
  const bits = /^[iu](\d+)$/.exec(type)?.[1];
  if (bits !== undefined) return { size: Number(bits) / 8, align: Number(bits) / 8 };
  if (type === "char") return { size: 1, align: 1 };
  const { fields, align } = place(type as StructName);
  return { size: fields.sizeof!, align };
}

/** As C's compilers do it on x86-64 and arm64: each field is aligned to its size. */
function place(struct: StructName): { fields: Record<string, number>; align: number } {
  const fields: Record<string, number> = {};
  let [end, widest] = [0, 1];
  for (const [name, type] of Object.entries<Type>(structs[struct])) {
    const [element, length] = typeof type === "string" ? [type, 1] : type;
    const { size, align } = sizeOf(element);
    fields[name] = Math.ceil(end / align) * align;
    end = fields[name] + size * length;
    widest = Math.max(widest, align);
  }
  fields.sizeof = Math.ceil(end / widest) * widest;
  return { fields, align: widest };
}

/** Where the fields of a struct are. */
export function layout<S extends StructName>(struct: S): Layout<S> {
  return place(struct).fields as Layout<S>;
}
