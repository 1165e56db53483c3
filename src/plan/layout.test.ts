import { describe, expect, test } from "bun:test";
import { layout, type StructName } from "./layout.ts";
import { structs } from "./structs.ts";

describe("the layout of structs is C's", () => {
  // nsenter/build/abi.h asserts for all structs that the C compiler has the same layout.
  test("fields are aligned to their size, and the whole to its widest field", () => {
    expect(layout("failure")).toEqual({ op: 0, error: 4, detail: 8, program: 16, sizeof: 24 });
    expect(layout("messageHeader")).toEqual({ version: 0, type: 2, length: 4, sizeof: 8 });
  });

  test("arrays, and structs in structs", () => {
    const { handled, onHandled, closes, args, sizeof } = layout("op");
    expect([handled, onHandled, closes, args, sizeof]).toEqual([8, 12, 20, 24, 72]);
    expect(layout("superviseRequest").client).toBe(
      layout("superviseRequest").keep + layout("keepRequest").sizeof,
    );
    expect(layout("planHeader").parts % 4).toBe(0);
  });

  test("what a program follows in a file keeps it 8-aligned", () => {
    for (const name of ["programHeader", "superviseRequest", "planHeader"] as const)
      expect(layout(name).sizeof % 8, name).toBe(0);
  });

  test("no struct has padding, whose bytes nobody would write", () => {
    for (const name of Object.keys(structs) as StructName[]) {
      const { sizeof, ...fields } = layout(name) as Record<string, number>;
      const places = [...Object.values(fields), sizeof!];
      Object.entries<string | readonly [string, number]>(structs[name]).forEach(([, type], i) => {
        const [element, length] = typeof type === "string" ? [type, 1] : type;
        const bits = /\d+$/.exec(element)?.[0];
        const size = element === "char" ? 1 : bits ? Number(bits) / 8 : layout(element as StructName).sizeof;
        expect(places[i + 1]! - places[i]!, `${name}, field ${i}`).toBe(size * length);
      });
    }
  });
});
