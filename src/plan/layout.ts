/**
 * Bundler macro: the offsets of the fields of structs.ts. In the bundle
 * `layout("failure").detail` is the number 8.
 */
import { structs } from "./structs.ts";

type Structs = typeof structs;
export type StructName = keyof Structs;

/** The offset of each field in bytes; `sizeof` is the size of the whole struct. */
export type Layout<S extends StructName> = { readonly [F in keyof Structs[S] | "sizeof"]: number };

type Type = string | readonly [type: string, length: number];

/** The size and alignment of a type in bytes. A type that is no integer is a struct. */
function sizeOf(type: string): { size: number; align: number } {
  const bits = /^[iu](\d+)$/.exec(type)?.[1];
  if (bits !== undefined) return { size: Number(bits) / 8, align: Number(bits) / 8 };
  if (type === "char") return { size: 1, align: 1 };
  const { fields, align } = place(type as StructName);
  return { size: fields.sizeof!, align };
}

/** Places fields as C compilers do on x86-64 and arm64: each field is aligned to its size. */
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

/** The offsets of a struct's fields. */
export function layout<S extends StructName>(struct: S): Layout<S> {
  return place(struct).fields as Layout<S>;
}
