import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BrunError } from "../errors.ts";
import { loadSpec, parseProcess, parseSpec } from "./index.ts";
import { toJson, toSharedJson } from "./json.ts";
import { SpecSchema } from "./spec.ts";
import { fullSpec } from "./testing/full.ts";
import { places, schemaPaths } from "./testing/paths.ts";

const MINIMAL = { ociVersion: "1.0.2", process: { cwd: "/", args: ["true"] }, root: { path: "rootfs" } };

/** The line of the BrunError that a function throws. */
function lineOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof BrunError) return error.text;
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** The line for the minimal config with other fields, without the file name. */
function refusal(fields: object): string {
  const line = lineOf(() => parseSpec(toJson({ ...MINIMAL, ...fields }), "config.json"));
  expect(line).toStartWith("config.json: ");
  return line.slice("config.json: ".length);
}

test("the minimal config gets its defaults", () => {
  const { spec, warnings } = parseSpec(JSON.stringify(MINIMAL), "config.json");
  expect(spec as unknown).toEqual({
    ...MINIMAL,
    process: { ...MINIMAL.process, user: { uid: 0, gid: 0 } },
    linux: {},
  });
  expect(warnings).toEqual([]);
});

test("a config with every field is read as it is", () => {
  const { spec } = parseSpec(toJson(fullSpec()), "config.json");
  expect(spec).toEqual(fullSpec());
  const found = places(spec).map(({ path }) => path.replace(/\[\d+\]/g, "[]"));
  const paths = schemaPaths(SpecSchema).map((path) =>
    path.replace("rdma.*", "rdma.mlx5_1").replace("*", "eth1"),
  );
  expect(paths.filter((path) => !found.includes(path))).toEqual([]);
});

test("each field of a wrong type is named, with what was found", () => {
  for (const { path, value } of places(fullSpec())) {
    for (const wrong of [1.5, typeof value === "string" ? {} : "\u2603"]) {
      const spec = fullSpec();
      places(spec)
        .find((place) => place.path === path)!
        .set(wrong);
      const line = lineOf(() => parseSpec(toJson(spec), "config.json"));
      expect(line).toStartWith(`config.json: ${path}: expected `);
      expect(line).toEndWith(` but found ${typeof wrong === "object" ? "an object" : JSON.stringify(wrong)}`);
    }
  }
});

test("unknown fields are tolerated, wherever", () => {
  const spec = fullSpec();
  for (const { value } of places(spec)) {
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      Object.assign(value, { ZZ: "1.2" });
  }
  for (const key of ["annotations", "sysctl", "rdma", "unified", "netDevices", "timeOffsets"]) {
    const at = places(spec).find(({ path }) => path.endsWith(key))!.value as Record<string, unknown>;
    Reflect.deleteProperty(at, "ZZ");
  }
  expect(parseSpec(toJson(spec), "config.json").spec).toEqual(spec);
});

test("null in an optional field counts as absent", () => {
  const nulls = {
    ...MINIMAL,
    mounts: null,
    hooks: { prestart: null },
    linux: { devices: null, resources: null },
  };
  const { spec } = parseSpec(JSON.stringify(nulls), "config.json");
  expect(spec.mounts).toBeUndefined();
  expect(spec.linux).toEqual({});
  expect(parseSpec(JSON.stringify({ ...MINIMAL, linux: null }), "x").spec.linux).toEqual({});
});

test("null elsewhere is refused, and other nulls do not confuse the message", () => {
  expect(refusal({ linux: null, mounts: [null], hooks: null })).toBe(
    "mounts[0]: expected an object but found null",
  );
  expect(refusal({ process: null })).toBe("process: expected an object but found null");
  expect(refusal({ annotations: { a: null } })).toBe("annotations.a: expected a string but found null");
});

test("integers of 64 bits survive", () => {
  const limit = "9223372036854771712";
  const text = `{"ociVersion":"1.0.2","process":{"cwd":"/","args":["x"],"rlimits":[{"type":"RLIMIT_CORE",
    "hard":18446744073709551615,"soft":0}]},"root":{"path":"r"},"linux":{"resources":{"memory":{"limit":${limit}}}}}`;
  const { spec } = parseSpec(text, "config.json");
  expect(spec.linux.resources?.memory?.limit).toBe(BigInt(limit));
  expect(spec.process.rlimits?.[0]?.hard).toBe(2n ** 64n - 1n);
  expect(spec.process.rlimits?.[0]?.soft).toBe(0);
  expect(toJson(spec)).toContain(`"limit": ${limit}`);
});

test.each([
  ["9223372036854775807", null],
  ["-9223372036854775808", null],
  ["9223372036854775808", "9223372036854775808"],
  ["-9223372036854775809", "-9223372036854775809"],
  ["1e30", "1e+30"],
  ["1e999", "null"],
  ["1.5", "1.5"],
  ["9007199254740993", null],
])("memory.limit %s", (number, found) => {
  const text = JSON.stringify({ ...MINIMAL, linux: { resources: { memory: { limit: 77 } } } }).replace(
    "77",
    number,
  );
  if (found === null) {
    expect(parseSpec(text, "x").spec.linux.resources?.memory?.limit).toEqual(BigInt(number));
    return;
  }
  expect(lineOf(() => parseSpec(text, "x"))).toBe(
    `x: linux.resources.memory.limit: expected an integer from -2^63 to 2^63-1 but found ${found}`,
  );
});

test("what is expected, by type", () => {
  expect(refusal({ hostname: 1 })).toBe("hostname: expected a string but found 1");
  expect(refusal({ root: { path: "x", readonly: "yes" } })).toBe(
    'root.readonly: expected true or false but found "yes"',
  );
  expect(refusal({ mounts: {} })).toBe("mounts: expected a list but found an object");
  expect(refusal({ linux: [] })).toBe("linux: expected an object but found an empty list");
  expect(refusal({ annotations: ["a"] })).toBe("annotations: expected an object but found a list");
  expect(refusal({ annotations: { "a.b": false } })).toBe(
    'annotations["a.b"]: expected a string but found false',
  );
  expect(refusal({ linux: { namespaces: [{ type: "net" }] } })).toBe(
    'linux.namespaces[0].type: expected one of pid, network, mount, ipc, uts, user, cgroup, time but found "net"',
  );
  expect(refusal({ process: { ...MINIMAL.process, user: { uid: -1 } } })).toBe(
    "process.user.uid: expected an integer from 0 to 4294967294 but found -1",
  );
  expect(refusal({ mounts: [{}] })).toBe("mounts[0].destination: missing");
  expect(refusal({ hostname: 1, domainname: "x".repeat(80) })).not.toContain("domainname");
});

test("long values are cut", () => {
  const line = refusal({ linux: { rootfsPropagation: "x".repeat(1000) } });
  expect(line).toEndWith(`but found "${"x".repeat(59)}…`);
});

test("several mistakes are listed at once, the rest counted", () => {
  expect(refusal({ hostname: 1, domainname: 2 })).toBe(
    "hostname: expected a string but found 1; domainname: expected a string but found 2",
  );
  const mounts = Array.from({ length: 12 }, () => ({}));
  expect(refusal({ mounts })).toEndWith("mounts[4].destination: missing; and 7 more");
});

test("not an object", () => {
  for (const text of ["null", "[]", "7", '"x"']) {
    expect(lineOf(() => parseSpec(text, "c"))).toStartWith("c: expected an object but found ");
  }
});

test("NUL bytes are refused in values and keys, also of unknown fields", () => {
  expect(refusal({ hostname: "a\0b" })).toBe("hostname: has a NUL byte");
  expect(refusal({ annotations: { "k\0": "v" }, "x.y": ["a", "\0"] })).toBe(
    'annotations["k\\u0000"]: has a NUL byte; ["x.y"][1]: has a NUL byte',
  );
  expect(parseSpec(JSON.stringify({ ...MINIMAL, annotations: { a: "\\u0000" } }), "x").warnings).toEqual([]);
});

test("keys that mean something to JavaScript are keys like others", () => {
  const text = JSON.stringify(MINIMAL).replace("{", '{"__proto__":{"hostname":5},"constructor":1,');
  expect(parseSpec(text, "x").spec.hostname).toBeUndefined();
  expect(lineOf(() => parseSpec(text.replace("{", '{"annotations":{"__proto__":5},'), "x"))).toContain(
    "__proto__",
  );
});

test("a syntax error has its line and column", () => {
  const text = '{\n  "ociVersion": "1.0.2",\n  "process": }\n}';
  expect(lineOf(() => parseSpec(text, "config.json"))).toBe(
    'config.json: line 3, column 14: expected a value but found "}"',
  );
});

test("nesting without bound is no crash", () => {
  const deep = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
  const text = JSON.stringify(MINIMAL).replace("{", `{"x":${deep},`);
  expect(parseSpec(text, "x").spec.ociVersion).toBe("1.0.2");
  expect(lineOf(() => parseSpec(text.replace('"cwd":"/"', '"cwd":7'), "x"))).toBe("x is nested too deeply");
  expect(lineOf(() => parseSpec("[".repeat(200_000), "x"))).toContain("column 200001");
});

test("files: read, missing, missing directory, a directory", () => {
  const directory = mkdtempSync(join(tmpdir(), "brun-spec-"));
  try {
    const path = join(directory, "config.json");
    expect(lineOf(() => loadSpec(path))).toBe(
      `${path}: no such file or directory (ENOENT); hint: \`brun spec\` makes a config.json; --bundle names the directory that has one`,
    );
    expect(lineOf(() => loadSpec(`${directory}/none/config.json`))).toEndWith(
      "; hint: --bundle names the directory that has the config.json",
    );
    expect(lineOf(() => loadSpec(directory))).toBe(`${directory}: is a directory (EISDIR)`);
    writeFileSync(path, `\ufeff${JSON.stringify(MINIMAL)}`);
    expect(loadSpec(path).spec.root.path).toBe("rootfs");
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("process.json", () => {
  const process = parseProcess('{"cwd":"/","args":["x"],"env":null}', "process.json");
  expect(process).toEqual({ cwd: "/", args: ["x"], user: { uid: 0, gid: 0 } });
  expect(lineOf(() => parseProcess('{"cwd":"x"}', "p"))).toBe(
    'p: cwd: expected an absolute path but found "x"; args: expected at least one string, the program to run, but found nothing',
  );
  expect(lineOf(() => parseProcess('{"cwd":1}', "p"))).toBe("p: cwd: expected a string but found 1");
});

test("what is not UTF-8: bytes in the text, and halves of characters in its strings", () => {
  const text = (args: string) =>
    `{"ociVersion":"1.0.0",\n"process":{"cwd":"/","args":[${args}]},"root":{"path":"r"}}`;
  expect(lineOf(() => parseSpec(text('"a","\udcff"'), "c"))).toBe(
    "c: line 2, column 35: expected UTF-8 but found the byte 0xff",
  );
  expect(lineOf(() => parseSpec(text('"a","\ud800"'), "c"))).toBe(
    "c: line 2, column 35: expected UTF-8 but found half of a surrogate pair",
  );
  for (const half of ["\\ud800", "\\uDCFF"]) {
    expect(lineOf(() => parseSpec(text(`"a","${half}"`), "c"))).toBe(
      "c: process.args[1]: has half of a surrogate pair",
    );
  }
  expect(parseSpec(text('"\\ud83d\\uDE00"'), "c").spec.process.args).toEqual(["😀"]);
  expect(parseSpec(text('"\\udcff"'), "c", { holdsBytes: true }).spec.process.args).toEqual(["\udcff"]);
});

test("JSON for others holds no bytes that are not UTF-8", () => {
  expect(toSharedJson({ a: ["😀", 1n] }, "")).toBe('{"a":["😀",1]}');
  expect(toSharedJson({ a: "\\udcff" }, "")).toBe('{"a":"\\\\udcff"}');
  expect(lineOf(() => toSharedJson({ a: { b: ["", "\udcff"] } }))).toBe(
    "a.b[1] has bytes that are not UTF-8, which JSON cannot hold",
  );
  expect(lineOf(() => toSharedJson({ a: { "\udcff": "" } }))).toBe(
    'a["\\xff"] has bytes that are not UTF-8, which JSON cannot hold',
  );
});
