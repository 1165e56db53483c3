import { describe, expect, test } from "bun:test";
import type { DeviceCgroup } from "../spec/index.ts";
import { deviceProgram } from "./device-program.ts";
import { ACCESS, containerFilter, type DeviceFilter, deviceFilter, ruleText } from "./devices.ts";

const denyAll: DeviceCgroup = { allow: false, access: "rwm" };
const texts = (filter: DeviceFilter) => filter.exceptions.map(ruleText);

describe("device rules", () => {
  test("nothing but runc's defaults after a deny-all", () => {
    const filter = containerFilter([denyAll], undefined);
    expect(filter.defaultAllow).toBe(false);
    expect(texts(filter)).toEqual([
      "c *:* m",
      "b *:* m",
      "c 1:3 rwm",
      "c 1:8 rwm",
      "c 1:7 rwm",
      "c 5:0 rwm",
      "c 1:5 rwm",
      "c 1:9 rwm",
      "c 136:* rwm",
      "c 5:2 rwm",
      "c 10:200 rwm",
    ]);
    expect(containerFilter(undefined, undefined)).toEqual(filter);
  });
  test("the spec's rules come first, in their order", () => {
    const rules: DeviceCgroup[] = [
      denyAll,
      { allow: true, type: "c", major: 10, minor: 229, access: "rwm" },
      { allow: true, type: "b", major: 8, minor: 20, access: "rw" },
      { allow: true, type: "b", major: 10, minor: 200, access: "r" },
    ];
    expect(texts(containerFilter(rules, undefined)).slice(0, 4)).toEqual([
      "c 10:229 rwm",
      "b 8:20 rw",
      "b 10:200 r",
      "c *:* m",
    ]);
  });
  test("a node of the spec takes the place of the default's rule", () => {
    const zero = { path: "/dev/zero", type: "c" as const, major: 1, minor: 5 };
    expect(texts(containerFilter([], [zero]))).not.toContain("c 1:5 rwm");
  });
  test("allowing all leaves no exceptions", () => {
    const filter = containerFilter([{ allow: true, access: "rwm" }], undefined);
    expect(filter).toEqual({ defaultAllow: true, exceptions: [] });
  });
  test("accesses of one device add up and can be taken away", () => {
    const rule = (allow: boolean, access: string): DeviceCgroup => ({
      allow,
      type: "b",
      major: 8,
      minor: 0,
      access,
    });
    expect(texts(deviceFilter([rule(true, "r"), rule(true, "w")]))).toEqual(["b 8:0 rw"]);
    expect(texts(deviceFilter([rule(true, "rwm"), rule(false, "w")]))).toEqual(["b 8:0 rm"]);
    expect(texts(deviceFilter([rule(true, "r"), rule(false, "rwm")]))).toEqual([]);
  });
  test("a later rule for all devices starts over", () => {
    const rules = [{ allow: true, type: "c" as const, major: 1, minor: 3, access: "r" }, denyAll];
    expect(deviceFilter(rules)).toEqual({ defaultAllow: false, exceptions: [] });
  });
  test("a hole in a wildcard is refused", () => {
    const rules: DeviceCgroup[] = [
      { allow: true, type: "c", major: 1, access: "rw" },
      { allow: false, type: "c", major: 1, minor: 3, access: "w" },
    ];
    expect(() => deviceFilter(rules)).toThrow("c 1:3 w cannot be taken out of an earlier rule for c 1:* w");
  });
});

/** The answer of a program, by an interpreter of the few instructions that programs use. */
function verdict(
  program: Uint8Array,
  type: "b" | "c",
  access: string,
  major: number,
  minor: number,
): boolean {
  let bits = 0;
  for (const letter of access) bits |= ACCESS[letter as keyof typeof ACCESS];
  const context = new Uint32Array([(bits << 16) | (type === "b" ? 1 : 2), major, minor]);
  const view = new DataView(program.buffer);
  const r = new Uint32Array(11);
  for (let at = 0; ; at++) {
    const i = at * 8;
    const [dst, src] = [view.getUint8(i + 1) & 15, view.getUint8(i + 1) >> 4];
    const [offset, imm] = [view.getInt16(i + 2, true), view.getUint32(i + 4, true)];
    switch (view.getUint8(i)) {
      case 0x61:
        r[dst] = context[offset / 4]!;
        break;
      case 0xb7:
        r[dst] = imm;
        break;
      case 0xbc:
        r[dst] = r[src]!;
        break;
      case 0x54:
        r[dst] = r[dst]! & imm;
        break;
      case 0x74:
        r[dst] = r[dst]! >>> imm;
        break;
      case 0x16:
        if (r[dst] === imm) at += offset;
        break;
      case 0x56:
        if (r[dst] !== imm) at += offset;
        break;
      case 0x5e:
        if (r[dst] !== r[src]) at += offset;
        break;
      case 0x95:
        return r[0] === 1;
      default:
        throw new Error(`unexpected instruction ${view.getUint8(i)}`);
    }
  }
}

describe("device programs", () => {
  test("runc's defaults", () => {
    const program = deviceProgram(containerFilter([denyAll], undefined));
    expect(verdict(program, "c", "rw", 1, 3)).toBe(true);
    expect(verdict(program, "c", "rw", 136, 77)).toBe(true);
    expect(verdict(program, "b", "m", 8, 0)).toBe(true);
    expect(verdict(program, "b", "r", 8, 0)).toBe(false);
    expect(verdict(program, "b", "rm", 8, 0)).toBe(false);
    expect(verdict(program, "b", "r", 1, 3)).toBe(false);
    expect(verdict(program, "c", "r", 1, 1)).toBe(false);
  });
  test("exceptions to allowing all deny any of their accesses", () => {
    const rules: DeviceCgroup[] = [
      { allow: true, access: "rwm" },
      { allow: false, type: "b", major: 8, access: "w" },
    ];
    const program = deviceProgram(deviceFilter(rules));
    expect(verdict(program, "b", "rw", 8, 3)).toBe(false);
    expect(verdict(program, "b", "r", 8, 3)).toBe(true);
    expect(verdict(program, "b", "w", 9, 3)).toBe(true);
  });
  test("numbers above 2^31 are compared whole", () => {
    const rule: DeviceCgroup = {
      allow: true,
      type: "c",
      major: 4294967295,
      minor: 2147483648,
      access: "rwm",
    };
    const program = deviceProgram(deviceFilter([rule]));
    expect(verdict(program, "c", "r", 4294967295, 2147483648)).toBe(true);
    expect(verdict(program, "c", "r", 4294967295, 0)).toBe(false);
  });
});
