/** Hostile images: whatever an archive says, nothing outside of the image's own directory is touched or read. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { imageOf, type TestImage, writeLayout } from "../../src/image/testing/image.ts";
import { headerBlock, type TestEntry, tarOf } from "../../src/image/testing/tar.ts";
import { host, ownedDir } from "../support/caller.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";

/** A layer, and what brun says of it; null where it is taken, and is harmless. */
type Attack = readonly [
  name: string,
  layers: readonly (readonly TestEntry[] | Uint8Array)[],
  says: string | null,
];

const dir = (path: string, more: Partial<TestEntry> = {}): TestEntry => ({ path, type: "5", ...more });
const file = (path: string, data = "evil"): TestEntry => ({ path, data });
const link = (path: string, to: string): TestEntry => ({ path, type: "2", link: to });
const hard = (path: string, to: string): TestEntry => ({ path, type: "1", link: to });

/** @param out a directory of the host that nobody may touch */
function attacks(out: string): Attack[] {
  const up = `${"../".repeat(30)}${out.slice(1)}`;
  const paths: Attack[] = [
    [".. in a file", [[file(`${up}/new`)]], "leads out of the image"],
    [".. in the middle", [[file(`a/${up}/new`)]], "leads out of the image"],
    [".. alone", [[dir("..", { mode: 0o777 })]], "leads out of the image"],
    [".. in a directory", [[dir(`${up}/new`)]], "leads out of the image"],
    [".. in a link's name", [[link(`${up}/new`, "x")]], "leads out of the image"],
    [".. in a hard link's name", [[file("a"), hard(`${up}/new`, "a")]], "leads out of the image"],
    [".. in a hard link's target", [[hard("a", `${up}/secret`)]], "leads out of the image"],
    [".. in a whiteout", [[file(`${up}/.wh.secret`, "")]], "leads out of the image"],
    [".. in a FIFO's name", [[{ path: `${up}/new`, type: "6" }]], "leads out of the image"],
    ["an absolute file", [[file(`${out}/new`)]], null],
    ["an absolute hard link", [[hard("a", `${out}/secret`)]], "no layer has"],
    ["a hard link to itself", [[hard("a", "a")]], "no layer has"],
    ["a hard link to the root", [[hard("a", "/")]], "names no file"],
    ["a hard link to a directory", [[dir("d"), hard("a", "d")]], "leads to a directory"],
    ["a hard link to /etc/shadow", [[hard("a", "etc/shadow")]], "no layer has"],
    ["a name with a NUL", [[{ path: "a", data: "x", pax: { path: "a\0b" } }]], "NUL"],
    ["a whiteout of nothing", [[file(".wh.", "")]], "names no file"],
    ["a whiteout of ..", [[file(".wh...", "")]], "names no file"],
    ["a path without end", [[{ path: "a", data: "", pax: { path: "a/".repeat(3000) } }]], "too long"],
    ["a name without end", [[{ path: "a", data: "", pax: { path: "n".repeat(300) } }]], "name too long"],
    ["a file as a directory", [[file("a"), file("a/b")]], "not a directory"],
  ];
  const links: Attack[] = [
    ["a file through an absolute link", [[link("l", out), file("l/new")]], null],
    ["a file through a relative link", [[link("l", up), file("l/new")]], null],
    [
      "a file through a chain of links",
      [[link("a", up), link("b", "a"), link("c", "b/."), file("c/new")]],
      null,
    ],
    ["a file over a link", [[link("l", `${out}/secret`), file("l")]], null],
    [
      "a hard link to a link, and a file over it",
      [[link("l", `${out}/secret`), hard("h", "l"), file("h")]],
      null,
    ],
    ["a hard link through a link", [[link("l", out), hard("h", "l/secret")]], "no layer has"],
    ["a directory over a link, with a mode", [[link("l", out), dir("l", { mode: 0o777, uid: 33 })]], null],
    ["a directory's mode through a link", [[link("l", out), dir("l/sub", { mode: 0o777 })]], null],
    ["a whiteout through a link", [[link("l", out), file("l/.wh.secret", "")]], null],
    ["an opaque directory through a link", [[link("l", out), file("l/.wh..wh..opq", "")]], null],
    ["a FIFO through a link", [[link("l", out), { path: "l/new", type: "6" }]], null],
    ["links in a circle", [[link("a", "b"), link("b", "a"), file("a/new")]], "symbolic links"],
    ["a link to itself", [[link("a", "a"), file("a/new")]], "symbolic links"],
    ["/proc/self/root", [[link("l", "/proc/self/root"), file(`l${out}/new`)]], null],
    ["a link in a lower layer", [[link("l", out)], [file("l/new")]], null],
    [
      "a link in a lower layer, with a chain",
      [
        [link("l", up), link("m", "l")],
        [file("m/new"), file("m/.wh.secret", "")],
      ],
      null,
    ],
    ["a whiteout through a lower layer's link", [[link("l", out)], [file("l/.wh.secret", "")]], null],
    ["an opaque lower layer's link", [[link("l", out)], [file("l/.wh..wh..opq", "")]], null],
    [
      "a hard link to a lower layer's link's file",
      [[link("l", out)], [hard("h", "l/secret")]],
      "no layer has",
    ],
    [
      "a directory's mode through a lower layer's link",
      [[link("l", out)], [dir("l", { mode: 0o777, uid: 1 })]],
      null,
    ],
    [
      "a directory turned into a link, then written through",
      [[dir("d"), file("d/a"), link("d", out), file("d/new")]],
      null,
    ],
    ["the root as a link", [[link(".", out), file("new")]], null],
    ["the root as a file", [[file("./", "x")]], null],
    ["a link as the root's parent", [[link("..", out)]], "leads out of the image"],
  ];
  const big = "9".repeat(15);
  const bombs: Attack[] = [
    ["a file of a petabyte", [headerBlock({ path: "a", pax: {}, size: 0o77777777777 }, 0)], "cut off"],
    [
      "a sparse file of a petabyte",
      [[{ path: "a", data: "x", pax: { "GNU.sparse.map": `0,1`, "GNU.sparse.size": big } }]],
      "file too large",
    ],
    [
      "an extended header of a gigabyte",
      [headerBlock({ path: "x", type: "x", size: 1 << 30 }, 0)],
      "extended header has",
    ],
    [
      "a long name of a gigabyte",
      [headerBlock({ path: "x", type: "L", size: 1 << 30 }, 0)],
      "extended header has",
    ],
    [
      "a sparse map without end",
      [
        [
          {
            path: "a",
            data: `${"1\n".repeat(600_000)}`,
            pax: { "GNU.sparse.major": "1", "GNU.sparse.minor": "0" },
          },
        ],
      ],
      "sparse map",
    ],
    [
      "a sparse map that overlaps",
      [[{ path: "a", data: "ab", pax: { "GNU.sparse.map": "0,1,0,1", "GNU.sparse.size": "9" } }]],
      "does not fit",
    ],
    ["a negative size", [[{ path: "a", pax: { size: "-5" } }]], "no number"],
    ["a size beyond numbers", [[{ path: "a", pax: { size: "9".repeat(30) } }]], "no number"],
    ["a header that is none", [new Uint8Array(2048).fill(0x41)], "checksum"],
    ["an archive that is cut off", [tarOf([file("a", "x".repeat(5000))]).subarray(0, 2000)], "cut off"],
    ["a directory of ids that nobody has", [[dir("d", { uid: 2_000_000 })]], "beyond your subordinate ids"],
  ];
  const devices: Attack[] = [
    ["a device", [[{ path: "dev-null", type: "3" }, { path: "disk", type: "4" }, file("ok")]], null],
    [
      "extended attributes of others",
      [
        [
          {
            path: "a",
            data: "x",
            pax: {
              "SCHILY.xattr.trusted.overlay.opaque": "y",
              "SCHILY.xattr.user.overlay.redirect": "/etc",
              "SCHILY.xattr.security.selinux": "x",
            },
          },
        ],
      ],
      null,
    ],
    ["setuid root", [[{ path: "su", data: "x", mode: 0o6755 }]], null],
  ];
  return [...paths, ...links, ...bombs, ...devices];
}

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  describe(subject.label, () => {
    test("sixty hostile layers touch nothing", async () => {
      await using box = new Sandbox(subject);
      const data = ownedDir(caller, `${box.dir}/data`);
      const out = ownedDir(caller, `${box.dir}/out`);
      writeFileSync(`${out}/secret`, "secret");
      host("chown", "-R", `${caller.uid}:${caller.gid}`, out);
      const before = statSync(out);
      const list = attacks(out);
      expect(list.length).toBeGreaterThanOrEqual(58);
      const images: Record<string, TestImage> = {};
      list.forEach(([, layers], i) => {
        images[`a${i}`] = imageOf(layers);
      });
      const layout = `${box.dir}/layout`;
      writeLayout(layout, images);
      const env = { XDG_DATA_HOME: data };
      for (const [i, [name, , says]] of list.entries()) {
        // Root has all ids.
        if (says?.startsWith("beyond") && caller.uid === 0) continue;
        const { code, stderr } = await box.call(["image", "pull", "-q", `oci:${layout}:a${i}`], { env });
        expect([name, code, says === null ? stderr : stderr.includes(says) || stderr]).toEqual([
          name,
          says === null ? 0 : 1,
          says === null ? "" : true,
        ]);
        expect([name, readdirSync(out), readFileSync(`${out}/secret`, "utf8")]).toEqual([
          name,
          ["secret"],
          "secret",
        ]);
        const { mode, uid, mtimeMs } = statSync(out);
        expect([name, mode, uid, mtimeMs]).toEqual([name, before.mode, before.uid, before.mtimeMs]);
        expect([name, readdirSync(`${data}/brun/images/partial`)]).toEqual([name, []]);
        if (says !== null) expect(stderr.trimEnd().split("\n").length).toBe(1);
      }
      // Nothing of what was refused has a name.
      const { stdout } = await box.call(["image", "list", "--format", "json"], { env });
      expect(JSON.parse(stdout).length).toBe(list.filter(([, , says]) => says === null).length);
      await box.call(["unshare", "--", "rm", "-rf", data]);
    }, 240_000);

    // Root mounts a small file system for it.
    test.if(caller.uid === 0)("what unpacks to more than there is room for is stopped", async () => {
      await using box = new Sandbox(subject);
      const data = ownedDir(caller, `${box.dir}/data`);
      // 64 MB of zeros are 64 KB; the store is a file system of 16 MB.
      const zeros = tarOf([{ path: "zeros", data: new Uint8Array(64 << 20) }]);
      const layout = `${box.dir}/layout`;
      writeLayout(layout, { bomb: imageOf([zeros]) });
      expect(gzipSync(zeros).length).toBeLessThan(1 << 20);
      mkdirSync(`${data}/brun/images`, { recursive: true });
      host("mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs", `${data}/brun/images`);
      try {
        const env = { XDG_DATA_HOME: data };
        const { code, stderr } = await box.call(["image", "pull", "-q", `oci:${layout}:bomb`], { env });
        expect([code, stderr]).toEqual([
          1,
          expect.stringContaining("is larger than the 15.9 MB that there is room for"),
        ]);
        expect(readdirSync(`${data}/brun/images/partial`)).toEqual([]);
      } finally {
        host("umount", `${data}/brun/images`);
      }
    });

    for (const flags of [[], ["--rw", "."], ["-v", ".:/mnt"], ["--read-only"], ["--overlay", "none"]]) {
      test(`run --host ${flags.join(" ")}: the store is not there, and not written to`, async () => {
        await using box = new Sandbox(subject);
        const data = ownedDir(caller, `${box.dir}/data`);
        const layout = `${box.dir}/layout`;
        writeLayout(layout, { a: imageOf([[file("a")]]) });
        const options = { cwd: box.dir, env: { XDG_DATA_HOME: data } };
        await box.call(["image", "pull", "-q", `oci:${layout}:a`], options);
        const record = `${data}/brun/images/images.json`;
        const before = readFileSync(record, "utf8");
        expect(before).toContain("oci:");
        const script = `for store in ${data}/brun/images /mnt/data/brun/images; do
            cat $store/images.json
            mkdir -p $store; echo evil >$store/images.json
            mv $store $store.moved; mv ${data}/brun ${data}/moved
          done 2>/dev/null; true`;
        const { code, stdout } = await box.call(
          ["run", "--host", ...flags, "--", "sh", "-c", script],
          options,
        );
        // A program may make an empty store of its own there, and find that again.
        expect([code, stdout.replace("evil\n", "")]).toEqual([0, ""]);
        expect(readFileSync(record, "utf8")).toBe(before);
        await box.call(["unshare", "--", "rm", "-rf", data]);
      });
    }

    test("a store that others can write to, or that is somebody else's, is not used", async () => {
      await using box = new Sandbox(subject);
      const data = ownedDir(caller, `${box.dir}/data`);
      host(...caller.prefix, "mkdir", "-p", `${data}/brun/images`);
      host("chmod", "777", `${data}/brun/images`);
      const env = { XDG_DATA_HOME: data };
      const { code, stderr } = await box.call(["image", "pull", "-q", "oci:/nowhere"], { env });
      expect([code, stderr]).toEqual([1, expect.stringContaining("others may write to it")]);
      if (caller.uid !== 0) {
        const other = await box.call(["image", "list"], { env: { XDG_DATA_HOME: "/var/lib" } });
        expect(other.stderr).toContain("cannot keep images in /var/lib/brun/images");
      }
    });
  });
}
