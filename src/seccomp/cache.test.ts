import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CacheEntry, fileIdentity, readCache, writeCache } from "./cache.ts";
import { compileSeccomp } from "./compile.ts";
import { allowList, denyList, rule } from "./testing/profiles.ts";

let directory: string;
let library: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "brun-seccomp-cache-"));
  library = join(directory, "libseccomp.so.2.5.4");
  writeFileSync(library, "the library");
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function entry(): CacheEntry {
  const bpf = new Uint8Array([6, 0, 0, 0, 0, 0, 0xff, 0x7f]);
  return { bpf, notes: ["a note"], library, libraryIdentity: fileIdentity(library)! };
}

/** Stores an entry under a key and returns its file. */
function store(key: string): string {
  const before = new Set(readdirSync(directory));
  writeCache(directory, key, entry());
  return join(directory, readdirSync(directory).find((name) => !before.has(name))!);
}

describe("an entry", () => {
  test("comes back as it was stored, and is its owner's alone", () => {
    const file = store("key\nwith ünicode");
    expect(readCache(directory, "key\nwith ünicode")).toEqual(entry());
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toHaveLength(2);
  });

  test("of another key is none", () => {
    store("key");
    expect(readCache(directory, "other")).toBeNull();
    expect(readCache(join(directory, "nonexistent"), "key")).toBeNull();
  });

  test("moved onto another key's name is not taken for that one's", () => {
    const file = store("key");
    const other = store("other");
    renameSync(other, file);
    expect(readCache(directory, "key")).toBeNull();
  });

  test.each([0o770, 0o702, 0o777])("in a directory with mode %o is not trusted", (mode) => {
    store("key");
    chmodSync(directory, mode);
    expect(readCache(directory, "key")).toBeNull();
    chmodSync(directory, 0o700);
    expect(readCache(directory, "key")).not.toBeNull();
  });

  test.each([0o620, 0o602, 0o666])("with mode %o is not trusted", (mode) => {
    chmodSync(store("key"), mode);
    expect(readCache(directory, "key")).toBeNull();
  });

  test.skipIf(process.getuid!() !== 0)("of another owner is not trusted", () => {
    chownSync(store("key"), 65533, 65533);
    expect(readCache(directory, "key")).toBeNull();
  });

  test("behind a symbolic link is not trusted", () => {
    const file = store("key");
    renameSync(file, `${file}.real`);
    symlinkSync(`${file}.real`, file);
    expect(readCache(directory, "key")).toBeNull();
  });

  test("that is a FIFO does not block", () => {
    const file = store("key");
    rmSync(file);
    expect(spawnSync("mkfifo", ["-m", "600", file]).status).toBe(0);
    expect(readCache(directory, "key")).toBeNull();
  });

  test("with any byte changed, cut off or appended is none", () => {
    const file = store("key");
    const good = readFileSync(file);
    for (let i = 0; i < good.length; i++) {
      const bad = Buffer.from(good);
      bad[i] = bad[i]! ^ 1;
      writeFileSync(file, bad);
      expect(readCache(directory, "key")).toBeNull();
    }
    for (const bad of [
      good.subarray(0, -1),
      good.subarray(0, 20),
      Buffer.alloc(0),
      Buffer.concat([good, good]),
    ]) {
      writeFileSync(file, bad);
      expect(readCache(directory, "key")).toBeNull();
    }
    writeFileSync(file, good);
    expect(readCache(directory, "key")).toEqual(entry());
  });

  test("made by a library that is another one now, or gone, is none", () => {
    store("key");
    writeFileSync(library, "a newer library");
    expect(readCache(directory, "key")).toBeNull();
    rmSync(library);
    expect(readCache(directory, "key")).toBeNull();
    writeFileSync(library, "");
  });
});

describe("the directory", () => {
  test("is made for its owner alone", () => {
    const made = join(directory, "a", "b");
    writeCache(made, "key", entry());
    expect(statSync(made).mode & 0o777).toBe(0o700);
    expect(readCache(made, "key")).not.toBeNull();
  });

  test("that cannot be written is no error", () => {
    writeCache(join(library, "below-a-file"), "key", entry());
    expect(readCache(join(library, "below-a-file"), "key")).toBeNull();
  });

  test("does not grow without end, and other files in it are left alone", () => {
    for (let i = 0; i < 150; i++) writeCache(directory, `key ${i}`, entry());
    const files = readdirSync(directory);
    expect(files.filter((name) => name.endsWith(".bpf")).length).toBeLessThanOrEqual(64);
    expect(files).toContain("libseccomp.so.2.5.4");
    expect(readCache(directory, "key 149")).not.toBeNull();
  });
});

describe("compileSeccomp with a cache", () => {
  test("gives the same filter from the cache as without", () => {
    const options = { cacheDirectory: directory };
    const fresh = compileSeccomp(allowList());
    expect(compileSeccomp(allowList(), options)).toEqual(fresh);
    const [file] = readdirSync(directory).filter((name) => name.endsWith(".bpf"));
    const { mtimeMs } = statSync(join(directory, file!));
    expect(compileSeccomp(allowList(), options)).toEqual(fresh);
    expect(statSync(join(directory, file!)).mtimeMs).toBe(mtimeMs);
  });

  test("has an entry for each profile, but not for flags and listeners", () => {
    const count = () => readdirSync(directory).filter((name) => name.endsWith(".bpf")).length;
    const options = { cacheDirectory: directory };
    const profile = denyList(rule("kill", "SCMP_ACT_NOTIFY"));
    expect(compileSeccomp(profile, options).flags).toBe(0b1100);
    expect(
      compileSeccomp({ ...profile, flags: [], listenerPath: "/a", listenerMetadata: "b" }, options).flags,
    ).toBe(0b1000);
    expect(count()).toBe(1);
    compileSeccomp({ ...profile, architectures: [] }, options);
    compileSeccomp(profile, { ...options, failUnknown: true });
    const args = [{ index: 0, value: 2n ** 60n, op: "SCMP_CMP_EQ" as const }];
    compileSeccomp(denyList(rule("kill", "SCMP_ACT_ERRNO", { args })), options);
    compileSeccomp(
      denyList(rule("kill", "SCMP_ACT_ERRNO", { args: [{ ...args[0]!, value: 2n ** 60n + 1n }] })),
      options,
    );
    expect(count()).toBe(5);
  });

  test("does not load libseccomp for what is cached", () => {
    const script = `
      const { compileSeccomp } = await import(${JSON.stringify(`${import.meta.dir}/compile.ts`)});
      const { allowList } = await import(${JSON.stringify(`${import.meta.dir}/testing/profiles.ts`)});
      compileSeccomp(allowList(), { cacheDirectory: ${JSON.stringify(directory)} });
      console.log(require("node:fs").readFileSync("/proc/self/maps", "utf8").includes("libseccomp"));
    `;
    const loads = () => spawnSync(process.execPath, ["-e", script], { encoding: "utf8" }).stdout.trim();
    expect(loads()).toBe("true");
    expect(loads()).toBe("false");
  });
});
