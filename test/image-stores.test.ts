/** Where images are kept: file systems of every kind, full ones, and callers of every kind. The next call succeeds, or says why not. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { imageOf, writeLayout } from "../src/image/testing/image.ts";
import { tarOf } from "../src/image/testing/tar.ts";
import { FULL } from "./security/support.ts";
import { host, installed, isRoot, ownedDir } from "./support/caller.ts";
import { Images } from "./support/images.ts";
import { until } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";
import type { CallOptions } from "./support/sandbox.ts";
import { workspace } from "./support/workspace.ts";

/** A file system for a store. */
interface Place {
  readonly name: string;
  /** Programs that it takes. */
  readonly needs: readonly string[];
  /** Mounts it on a directory; another one is free for what it is made of. */
  mount(at: string, beside: string): void;
  /** Whether containers can write over the image there. */
  readonly overlays: boolean;
  /** What doctor says of it. */
  readonly doctor: RegExp;
}

const tmpfs = (name: string, options: string, doctor: RegExp): Place => ({
  name,
  needs: [],
  mount: (at) => host("mount", "-t", "tmpfs", "-o", options, "tmpfs", at),
  overlays: true,
  doctor,
});

/** With npm run test:security all of them, otherwise the last. */
const SAMPLE = 4;

const FUSE = /containers cannot write to them, as no overlay can be on fuse/;

const PLACES: readonly Place[] = [
  tmpfs("tmpfs", "size=2g", /: \d+\.\d GB free$/),
  tmpfs("nosuid, nodev", "size=2g,nosuid,nodev", /: \d+\.\d GB free$/),
  {
    name: "FUSE: bindfs",
    needs: ["bindfs"],
    mount: (at, beside) => host("bindfs", "-o", "allow_other", beside, at),
    overlays: false,
    doctor: FUSE,
  },
  {
    name: "FUSE: ext2 without extended attributes",
    needs: ["fuse2fs", "mke2fs"],
    mount: (at, beside) => {
      host("truncate", "-s", "2g", `${beside}/image`);
      host("mke2fs", "-q", "-t", "ext2", "-O", "^ext_attr", `${beside}/image`);
      host("fuse2fs", "-o", "allow_other,default_permissions,fakeroot", `${beside}/image`, at);
    },
    overlays: false,
    doctor: FUSE,
  },
  tmpfs("noexec, which overlays do not heed", "size=2g,noexec", /: \d+\.\d GB free$/),
  {
    name: "overlayfs, as in a container",
    needs: [],
    mount: (at, beside) => {
      for (const dir of ["lower", "upper", "work"]) mkdirSync(`${beside}/${dir}`, { recursive: true });
      const options = `lowerdir=${beside}/lower,upperdir=${beside}/upper,workdir=${beside}/work`;
      host("mount", "-t", "overlay", "-o", options, "overlay", at);
    },
    overlays: true,
    doctor: /: \d+\.\d GB free$/,
  },
  {
    name: "ramfs: no sizes, no extended attributes",
    needs: [],
    mount: (at) => host("mount", "-t", "ramfs", "ramfs", at),
    overlays: true,
    doctor: /images; without extended attributes: those of images are left out$/,
  },
  {
    name: "FUSE: fuse-overlayfs",
    needs: ["fuse-overlayfs"],
    mount: (at, beside) => {
      for (const dir of ["lower", "upper", "work"]) mkdirSync(`${beside}/${dir}`, { recursive: true });
      const options = `lowerdir=${beside}/lower,upperdir=${beside}/upper,workdir=${beside}/work`;
      host("fuse-overlayfs", "-o", `allow_other,${options}`, at);
    },
    overlays: false,
    doctor: FUSE,
  },
];

const SHOW = "cat /etc/motd; ls /opt; stat -c '%u %a' /srv/of-www";
const SHOWN = "second\nall\nname\nof-lower\nother-name\n33 640\n";

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  describe(subject.label, () => {
    /** An image in files, which everybody may read. */
    function layout(images: Images): string {
      const { box } = images;
      writeLayout(`${box.dir}/layout`, { a: images.image() });
      return `oci:${box.dir}/layout:a`;
    }

    /** Mounts something for as long as it is used. */
    function mounted(images: Images, mount: (at: string, beside: string) => void) {
      const at = ownedDir(caller, `${images.box.dir}/mounted`);
      mount(at, ownedDir(caller, `${images.box.dir}/beside`));
      try {
        const { uid, mode } = statSync(at);
        if (caller.uid !== uid) host("chown", `${caller.uid}:${caller.gid}`, at);
        if ((mode & 0o777) !== 0o755) host("chmod", "755", at);
      } catch (error) {
        host("umount", "--lazy", at);
        throw error;
      }
      return { at, [Symbol.dispose]: () => void host("umount", "--lazy", at) };
    }

    const run = (name: string, script: string, ...flags: string[]) => [
      ...["run", "--image", name, "-q", ...flags, "--", "sh", "-c", script],
    ];
    const inStore = (at: string): CallOptions => ({ env: { XDG_DATA_HOME: at } });
    const partial = (at: string): string[] => readdirSync(`${at}/brun/images/partial`);

    for (const { name, needs, mount, overlays, doctor } of PLACES.slice(FULL ? 0 : -SAMPLE)) {
      test.if(isRoot && needs.every(installed))(`a store on ${name}`, async () => {
        await using images = Images.make(subject);
        const image = layout(images);
        using place = mounted(images, mount);
        const there = inStore(place.at);
        const first = await images.call(run(image, SHOW), there);
        expect([first.code, first.stdout]).toEqual([0, SHOWN]);
        const why = overlays
          ? ""
          : expect.stringContaining("is read-only: no overlay on its file system, fuse");
        expect(first.stderr).toEqual(why);
        const writing = await images.call(run(image, "echo x >/etc/new && cat /etc/new"), there);
        expect([writing.code, writing.stdout]).toEqual(overlays ? [0, "x\n"] : [1, ""]);
        const told = await images.call(["doctor"], there);
        expect(told.stdout.split("\n").find((line) => / images +images go/.test(line))).toMatch(doctor);
        expect(await images.ok(["image", "remove", image], there)).toBe(`${image}\n`);
        await images.ok(["image", "prune"], there);
        await until("nothing is left", () => partial(place.at).length === 0);
      });
    }

    test.if(isRoot)("a full disk: one line, nothing stays, and with more room it goes on", async () => {
      await using images = Images.make(subject);
      images.registry.push("app", "1", images.image({ packing: "none" }));
      const image = layout(images);
      const mount = (at: string) => host("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", at);
      using place = mounted(images, mount);
      const there = inStore(place.at);
      const unpacking = await images.call(run(image, "true"), there);
      expect([unpacking.code, unpacking.stderr]).toEqual([
        1,
        expect.stringMatching(
          /: the layer is larger than the [\d.]+ [kM]B that there is room for.*; hint: `brun image prune --all`, or XDG_DATA_HOME on another disk\n$/,
        ),
      ]);
      expect(partial(place.at)).toEqual([]);
      const name = `${images.registry.host}/app:1`;
      const downloading = await images.call(run(name, "true"), there);
      expect([downloading.code, downloading.stderr]).toEqual([
        1,
        expect.stringMatching(
          / needs [\d.]+ MB and more in .*: [\d.]+ MB are missing; hint: `brun image prune --all`, or XDG_DATA_HOME on another disk\n$/,
        ),
      ]);
      expect(downloading.stderr.split("\n").length).toBe(2);
      host("mount", "-o", "remount,size=100m", place.at);
      expect(await images.ok(run(image, SHOW), there)).toBe(SHOWN);
      expect(await images.ok(run(name, SHOW), there)).toBe(SHOWN);
    });

    test.if(isRoot)("a push into files on a full disk: one line, and nothing stays", async () => {
      await using images = Images.make(subject);
      const image = layout(images);
      await images.ok(["image", "pull", "-q", image]);
      // With room for the directory of blobs alone, and for some blobs.
      for (const size of ["nr_inodes=2", "size=32k"]) {
        using place = mounted(images, (at) => host("mount", "-t", "tmpfs", "-o", size, "tmpfs", at));
        for (const to of [`${place.at}:a`, `${place.at}/new/layout:a`]) {
          const { code, stderr } = await images.call(["image", "push", "-q", image, `oci:${to}`]);
          expect([size, code, stderr]).toEqual([
            size,
            1,
            expect.stringMatching(
              /^brun: oci:.*: .*no space left on device \(ENOSPC\); hint: make room there, or name a place on another disk\n$/,
            ),
          ]);
          expect(readdirSync(place.at)).toEqual([]);
        }
      }
    });

    test.if(isRoot)(
      "a disk without a single free byte: import, commit and pull say so; remove makes room",
      async () => {
        await using images = Images.make(subject);
        const image = layout(images);
        const mount = (at: string) => host("mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", at);
        using place = mounted(images, mount);
        const there = inStore(place.at);
        const id = images.box.name();
        const script = "head -c 100000 /dev/urandom >/opt/new; touch /ready; exec sleep 1000";
        await images.ok(["run", "--image", image, "-q", "-d", "--name", id, "--", "sh", "-c", script], there);
        await until("it runs", async () => (await images.call(["exec", id, "ls", "/ready"])).code === 0);
        const other = `${images.box.dir}/other.tar`;
        writeFileSync(other, tarOf([{ path: "file", data: "x".repeat(100_000) }]));
        host("sh", "-c", `cat /dev/zero >${place.at}/fill 2>/dev/null || chmod 644 ${other}`);
        for (const args of [
          ["image", "commit", id, "me/new:1"],
          ["image", "import", other, "me/other:1"],
        ]) {
          const { code, stderr } = await images.call(args, there);
          expect([code, stderr]).toEqual([
            1,
            expect.stringMatching(
              /^brun: \S+: .*(no space left|room for).*; hint: `brun image prune --all`, or XDG_DATA_HOME on another disk\n$/,
            ),
          ]);
          expect(partial(place.at)).toEqual([]);
        }
        await images.ok(["delete", "--force", id]);
        expect(await images.ok(["image", "prune", "--all"], there)).toBe(`${image}\n`);
        expect(await images.ok(["image", "list", "--names"], there)).toBe("");
      },
    );

    test.if(isRoot)("a read-only file system: what is there runs; doctor tells", async () => {
      await using images = Images.make(subject);
      const image = layout(images);
      images.registry.push("app", "1", images.image());
      const name = `${images.registry.host}/app:1`;
      using place = mounted(images, (at) => host("mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", at));
      const there = inStore(place.at);
      await images.ok(["image", "pull", "-q", name], there);
      host("mount", "-o", "remount,ro", place.at);
      expect(await images.ok(run(name, SHOW), there)).toBe(SHOWN);
      const pulled = await images.call(run(image, "true"), there);
      expect([pulled.code, pulled.stderr]).toEqual([1, expect.stringContaining("read-only file system")]);
      expect(pulled.stderr.split("\n").length).toBe(2);
      const told = await images.call(["doctor"], there);
      expect(told.stdout).toContain(`images go to ${place.at}/brun/images, which is read-only\n`);
    });

    for (const [denied, flag, message] of [
      ["owners, as NFS to a user", "--chown-deny", "lets no other ids own files, as "],
      ["modes", "--chmod-deny", "operation not permitted (EPERM)"],
    ] as const) {
      test.if(isRoot && installed("bindfs"))(
        `a file system without ${denied}: what to do is told`,
        async () => {
          await using images = Images.make(subject);
          const image = layout(images);
          using place = mounted(images, (at, beside) =>
            host("bindfs", "-o", "allow_other", flag, beside, at),
          );
          const { code, stderr } = await images.call(["image", "pull", "-q", image], inStore(place.at));
          expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
          expect(stderr).toMatch(/\(at "[^"]+"\); hint: .*XDG_DATA_HOME on another/);
          expect(stderr.split("\n").length).toBe(2);
          expect(partial(place.at)).toEqual([]);
        },
      );
    }

    test("two images with one base take no more than their unique bytes", async () => {
      await using images = Images.make(subject);
      const { registry } = images;
      const noise = (size: number) => crypto.getRandomValues(new Uint8Array(size));
      const files = (name: string, count: number) =>
        Array.from({ length: count }, (_, i) => ({ path: `${name}/${i}`, data: noise(65_536) }));
      const [base, tops] = [files("base", 200), ["one", "two"].map((name) => files(name, 30))];
      for (const [i, top] of tops.entries()) registry.push("app", `${i}`, imageOf([base, top]));
      for (const i of [0, 1]) await images.ok(["image", "pull", "-q", `${registry.host}/app:${i}`]);
      const [used] = host("du", "-s", "--block-size=1", images.store).split("\t");
      const unique = [...base, ...tops.flat()].length * 65_536;
      expect(Number(used)).toBeGreaterThan(unique);
      expect(Number(used)).toBeLessThan(unique * 1.05);
    });

    test("a home with spaces and the like in its name, umask 077", async () => {
      await using images = Images.make(subject);
      const image = layout(images);
      const home = ownedDir(caller, `${images.box.dir}/a home: "quoted", with \\ $(and) ümlaut`);
      const around = ["sh", "-c", 'umask 077; exec "$@"', "sh"];
      const options = { env: { HOME: home }, around };
      expect(await images.ok(run(image, SHOW), options)).toBe(SHOWN);
      expect(await images.ok(run(image, "id -u; cat /etc/motd", "--user", "33"), options)).toBe(
        "33\nsecond\n",
      );
      await images.ok(["image", "remove", image], options);
      await images.box.call(["unshare", "--", "rm", "-rf", home]);
    });

    test.if(isRoot)("no /tmp that can be written", async () => {
      await using images = Images.make(subject);
      const image = layout(images);
      // But for the test's own files.
      const there = `/mnt${workspace().slice("/tmp".length)}`;
      const script =
        `mount -t tmpfs -o mode=755 none /mnt && mkdir -p ${there} && mount --rbind ${workspace()} ${there} && ` +
        'mount --make-rprivate /mnt && mount --move /mnt /tmp && mount -o remount,ro,bind /tmp && exec "$@"';
      const under = ["unshare", "--mount", "sh", "-c", script, "sh"];
      const options = { under, env: { XDG_RUNTIME_DIR: "", TMPDIR: "/nowhere" } };
      expect(await images.ok(run(image, SHOW), options)).toBe(SHOWN);
      await images.ok(["image", "push", "-q", image, `oci:${images.data}/out:a`], options);
      await images.ok(["image", "push", "-q", image, `oci-archive:${images.data}/out.tar`], options);
      await images.ok(["image", "import", `${images.data}/out.tar`, "me/imported:1"], options);
      await images.ok(["image", "unpack", image, `${images.data}/unpacked`], options);
      await images.box.call(["unshare", "--", "rm", "-rf", `${images.data}/unpacked`]);
    });

    test.if(isRoot && caller.uid !== 0)("other subordinate ids: an image is unpacked anew", async () => {
      await using images = Images.make(subject);
      images.registry.push("app", "1", images.image());
      const name = `${images.registry.host}/app:1`;
      expect(await images.ok(run(name, SHOW))).toBe(SHOWN);
      const changed = (kind: string) => {
        const text = readFileSync(`/etc/${kind}`, "utf8");
        return images.box.file(kind, text.replaceAll(/:\d+:\d+$/gm, ":400000:65536"));
      };
      const binds = { [changed("subuid")]: "/etc/subuid", [changed("subgid")]: "/etc/subgid" };
      expect(await images.ok(run(name, SHOW), { binds })).toBe(SHOWN);
      expect(readdirSync(`${images.store}/layers`).length).toBe(2);
      // Both are there from now on.
      for (const other of [{ binds }, {}])
        expect(await images.ok(run(name, SHOW, "--pull", "never"), other)).toBe(SHOWN);
      // Now nobody but root can remove the files of the old ones. They are not in the way of the others.
      await images.ok(["image", "remove", name], { binds });
      const partial = () => readdirSync(`${images.store}/partial`).filter((file) => !file.endsWith(".lock"));
      await until("what can be removed is", () => partial().every((file) => file.startsWith("stuck.")));
      expect(partial().length).toBeLessThanOrEqual(2);
      const told = await images.call(["image", "prune"], { binds });
      expect([told.code, told.stderr]).toEqual([
        0,
        expect.stringMatching(
          /^brun: warning: files of removed images are still there: .*; hint: .*root can remove/,
        ),
      ]);
      const back = await images.call(["image", "prune"]);
      expect([back.code, back.stderr, partial()]).toEqual([0, "", []]);
    });

    test("a clock that goes back", async () => {
      await using images = Images.make(subject);
      images.registry.push("app", "1", images.image());
      const name = `${images.registry.host}/app:1`;
      await images.ok(["image", "pull", "-q", name]);
      const record = `${images.store}/images.json`;
      // What was pulled is from the future now.
      const future = readFileSync(record, "utf8").replace(/"pulled": "\d{4}/, '"pulled": "2099');
      writeFileSync(record, future);
      host("touch", "-d", "2099-01-01", record, images.store, `${images.store}/partial`);
      expect(await images.ok(run(name, SHOW))).toBe(SHOWN);
      expect(await images.ok(run(name, SHOW, "--pull", "newer"))).toBe(SHOWN);
      expect((await images.ok(["image", "list"])).split("\n")[1]).toContain(name);
      await images.ok(["image", "prune"]);
      await images.ok(["image", "remove", name]);
      expect(existsSync(`${images.store}/views`) && readdirSync(`${images.store}/views`)).toEqual([]);
    });

    test("a record of another brun: its images are pulled again, and nothing is in the way", async () => {
      await using images = Images.make(subject);
      images.registry.push("app", "1", images.image());
      const name = `${images.registry.host}/app:1`;
      await images.ok(["image", "pull", "-q", name]);
      const record = `${images.store}/images.json`;
      const other = readFileSync(record, "utf8").replace(/"version": \d+/, '"version": 99');
      writeFileSync(record, other);
      const asked = images.registry.blobBytes;
      expect(await images.ok(run(name, SHOW))).toBe(SHOWN);
      // Its layers are what they were: only their names were the other's.
      expect(images.registry.blobBytes - asked).toBeLessThan(10_000);
      expect(await images.ok(["image", "list", "--names"])).toBe(`${name}\n`);
    });

    test("images beside the state of containers are no container", async () => {
      await using images = Images.make(subject);
      const image = layout(images);
      const env = { XDG_DATA_HOME: images.data, XDG_RUNTIME_DIR: images.data };
      const root = ["--root", `${images.data}/brun`];
      expect(await images.ok([...root, ...run(image, SHOW)], { env })).toBe(SHOWN);
      expect(readdirSync(images.data)).toContain("brun-images");
      const listed = await images.call([...root, "list", "--quiet"], { env });
      expect(listed).toMatchObject({ code: 0, stdout: "", stderr: "" });
    });

    test("no home at all", async () => {
      await using images = Images.make(subject);
      for (const env of [{ HOME: "" }, { HOME: "relative", XDG_DATA_HOME: "relative" }]) {
        const { code, stderr } = await images.call(["image", "list"], { env });
        expect([code, stderr]).toEqual([
          1,
          "brun: there is no place for images: HOME is not set; hint: set HOME, or XDG_DATA_HOME\n",
        ]);
      }
    });
  });
}
