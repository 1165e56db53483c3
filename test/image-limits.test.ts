/** What a layer may take: memory, time, space and names, however little of it has been sent. */
import { describe, expect, test } from "bun:test";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { CryptoHasher } from "bun";
import { imageOf, imageOfPacked, type PackedTestLayer, writeLayout } from "../src/image/testing/image.ts";
import { headerBlock, type TestEntry, tarOf } from "../src/image/testing/tar.ts";
import { FULL } from "./security/support.ts";
import { callers, host, installed, isRoot } from "./support/caller.ts";
import { Images, programLayer } from "./support/images.ts";
import { subjects } from "./support/runtime.ts";
import { Unpacking } from "./support/unpacking.ts";

/** The most memory that any of the processes of a pull may have, in bytes. */
const MEMORY_MAX = 150e6;
/** Directories and deletions of a layer: with npm run test:security so many that each is felt. */
const MANY = FULL ? 90_000 : 1000;
const GIGABYTE = 2 ** 30;

/** Parts of an archive, and how often each comes, compressed part by part: a gigabyte is soon made. */
function packed(parts: readonly (readonly [part: Uint8Array, times: number])[]): PackedTestLayer {
  const hasher = new CryptoHasher("sha256");
  const members: Uint8Array[] = [];
  for (const [part, times] of parts) {
    const member = gzipSync(part, { level: 1 });
    for (let i = 0; i < times; i++) {
      hasher.update(part);
      members.push(member);
    }
  }
  return { packed: Buffer.concat(members), diffId: `sha256:${hasher.digest("hex")}` };
}

const CHUNK = new Uint8Array(16 << 20);
const END = new Uint8Array(1024);
/** Without the blocks of zeros at the end. */
const withoutEnd = (entries: readonly TestEntry[]) => tarOf(entries).subarray(0, -1024);

const directory = (i: number): string => `d${Math.floor(i / 1000)}/directory-with-a-name-${i}`;

const LAYERS: readonly (readonly [name: string, layer: () => PackedTestLayer])[] = [
  [
    "a file of a gigabyte",
    () =>
      packed([
        [headerBlock({ path: "zeros" }, GIGABYTE), 1],
        [CHUNK, GIGABYTE / CHUNK.length],
        [END, 1],
      ]),
  ],
  [
    "a sparse file of a terabyte",
    () => {
      const pax = { "GNU.sparse.map": `${2 ** 40 - 1},1`, "GNU.sparse.size": `${2 ** 40}` };
      return packed([[tarOf([{ path: "sparse", data: "x", pax }]), 1]]);
    },
  ],
  [
    "headers of a megabyte each",
    () =>
      packed([
        [withoutEnd([{ path: "a", pax: { comment: "x".repeat(1_000_000) } }]), 200],
        [END, 1],
      ]),
  ],
  [
    `${MANY} directories, with the attributes of each`,
    () => {
      const entries = Array.from({ length: MANY }, (_, i) => ({
        path: directory(i),
        type: "5",
        mode: 0o500,
      }));
      return packed([[tarOf(entries), 1]]);
    },
  ],
  [
    `${MANY} deletions`,
    () => {
      const entries = Array.from({ length: MANY }, (_, i) => ({ path: `d/.wh.file-with-a-name-${i}` }));
      return packed([[tarOf(entries), 1]]);
    },
  ],
];

/**
 * Runs a command and prints ru_maxrss of wait4(2), in KB: of the process, and of those that it has waited for. From a small
 * process, since the peak of whoever calls execve(2) counts for what comes after it.
 */
const PEAK = `
import os, sys
pid = os.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
`;

for (const subject of subjects(["brun"])) {
  describe(subject.label, () => {
    for (const [name, layer] of LAYERS) {
      test.skipIf(!installed("python3"))(
        `${name}: at most ${MEMORY_MAX / 1e6} MB of memory`,
        async () => {
          await using images = Images.make(subject);
          const { box } = images;
          writeLayout(`${box.dir}/layout`, { a: imageOfPacked([layer()]) });
          const argv = box.argv(["image", "pull", "-q", `oci:${box.dir}/layout:a`]);
          const env = { ...box.env, HOME: images.data };
          const { exitCode, stdout, stderr } = Bun.spawnSync(["python3", "-c", PEAK, ...argv], {
            env,
            stderr: "pipe",
          });
          expect([exitCode, stderr.toString()]).toEqual([0, ""]);
          const peak = Number(stdout.toString().trim().split("\n").at(-1)) * 1024;
          expect(peak).toBeGreaterThan(20e6);
          expect(peak).toBeLessThan(MEMORY_MAX);
        },
        240_000,
      );
    }

    test("layers over a directory that gives its group: what is made in it has the owner that it is to have", async () => {
      await using images = Images.make(subject);
      const { box } = images;
      const lower: TestEntry[] = [{ path: "s", type: "5", mode: 0o2755, gid: 33, mtime: 5 }];
      const upper: TestEntry[] = [
        { path: "s/new", type: "5" },
        { path: "s/new/file" },
        { path: "s/implied/file" },
      ];
      writeLayout(`${box.dir}/layout`, { a: imageOf([programLayer(box), lower, upper]) });
      const show = "stat -c '%g %a %Y' /s; stat -c '%g %a' /s/new /s/new/file /s/implied /s/implied/file";
      const argv = ["run", "--image", `oci:${box.dir}/layout:a`, "-q", "--", "sh", "-c", show];
      expect(await images.ok(argv)).toBe("33 2755 5\n0 755\n0 644\n0 755\n0 644\n");
    });

    test("names without end: deletions, directories without an entry, links to other layers", async () => {
      await using images = Images.make(subject);
      const { box } = images;
      // As many characters as are held in memory, in few entries.
      const long = (i: number) => `${"n".repeat(200)}/`.repeat(19) + i;
      const lists: Record<string, (i: number) => TestEntry> = {
        deletions: (i) => ({ path: `${long(i)}/.wh.x` }),
        links: (i) => ({ path: `a${i}`, type: "1", pax: { linkpath: long(i) } }),
      };
      for (const [name, entry] of Object.entries(lists)) {
        const entries = Array.from({ length: 1500 }, (_, i) => entry(i)).map(({ path, pax, ...rest }) => ({
          ...rest,
          path: "x",
          pax: { path, ...pax },
        }));
        writeLayout(`${box.dir}/${name}`, { a: imageOfPacked([packed([[tarOf(entries), 1]])]) });
        const { code, stderr } = await images.call(["image", "pull", "-q", `oci:${box.dir}/${name}:a`]);
        expect([name, code, stderr]).toEqual([
          name,
          1,
          expect.stringContaining("has too many deletions, or files in directories without an entry"),
        ]);
        expect(readdirSync(`${images.store}/partial`)).toEqual([]);
      }
    });
  });
}

for (const caller of callers()) {
  test(`as ${caller.name}: directories keep their times and modes, whatever order their files come in`, () => {
    using place = new Unpacking(caller);
    const archive = `${place.dir}/archive.tar`;
    const dir = (path: string, mtime: number, mode = 0o755) => ({ path, type: "5", mtime, mode });
    const entries: TestEntry[] = [
      { path: "implied/file", mtime: 9 },
      dir("a", 1, 0o500),
      dir("a/b", 2),
      // It gives its group to what is made in it, but not to what has an owner.
      { ...dir("s", 10, 0o2755), gid: 33 },
      dir("a/b", 2),
      { path: "a/b/file", mtime: 9 },
      dir("c", 3),
      // Back to what is done.
      { path: "a/b/more", mtime: 9 },
      { path: "a/b/deep/er/file", mtime: 9 },
      { path: "s/file" },
      { path: "s/implied/file" },
      { path: "c/link", type: "2", link: "../a/b" },
      { path: "c/link/through", mtime: 9 },
      // What a directory was told first does not count.
      dir("c", 4, 0o700),
      dir("gone", 5),
      { path: "gone/file" },
      { path: "gone", mtime: 6 },
      dir("again", 7),
      { path: "again" },
      dir("again", 7),
      dir(".", 8, 0o711),
    ];
    writeFileSync(archive, tarOf(entries));
    const unpacked = place.unpack(archive, "store");
    if ("failure" in unpacked) throw new Error(unpacked.failure);
    const at = (path: string) => {
      const { mtimeMs, mode } = statSync(`${unpacked.root}/${path}`);
      return [path, mtimeMs / 1000, (mode & 0o7777).toString(8)];
    };
    expect(["a", "a/b", "c", "gone", "again", "s", "."].map(at)).toEqual([
      ["a", 1, "500"],
      ["a/b", 2, "755"],
      ["c", 4, "700"],
      ["gone", 6, "644"],
      ["again", 7, "755"],
      ["s", 10, "2755"],
      [".", 8, "711"],
    ]);
    const group = (path: string) => place.run("stat", "-c", "%g %a", `${unpacked.root}/${path}`).trim();
    expect(["s", "s/file", "s/implied", "s/implied/file"].map(group)).toEqual([
      "33 2755",
      "0 644",
      "0 755",
      "0 644",
    ]);
    expect(readdirSync(`${unpacked.root}/a/b`).sort()).toEqual(["deep", "file", "more", "through"]);
  });
}

// Root mounts a small file system for it.
test.if(isRoot)("more files than there is room for", () => {
  using place = new Unpacking(callers().at(-1)!);
  host("mkdir", `${place.dir}/small`);
  host("mount", "-t", "tmpfs", "-o", "size=64m,nr_inodes=100,mode=755", "tmpfs", `${place.dir}/small`);
  try {
    const layout = `${place.dir}/layout`;
    const entries = Array.from({ length: 500 }, (_, i) => ({ path: `file-${i}` }));
    writeLayout(layout, { a: imageOfPacked([packed([[tarOf(entries), 1]])]) });
    const env = { PATH: process.env.PATH!, XDG_DATA_HOME: `${place.dir}/small` };
    const { exitCode, stderr } = Bun.spawnSync([place.brun, "image", "pull", "-q", `oci:${layout}:a`], {
      env,
    });
    expect([exitCode, stderr.toString()]).toEqual([
      1,
      expect.stringMatching(
        /the layer has more files than the \d+ that there is room for .*; hint: `brun image prune/,
      ),
    ]);
    expect(readdirSync(`${place.dir}/small/brun/images/partial`)).toEqual([]);
  } finally {
    host("umount", `${place.dir}/small`);
  }
});
