/** Images by the TypeScript API, in Bun and in Node: what happens, how far it is, and each way in which it fails. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { imageOf, type TestImageOptions, writeLayout } from "../src/image/testing/image.ts";
import { type TestEntry, tarOf } from "../src/image/testing/tar.ts";
import { type Engine, runProgram } from "./api/programs.ts";
import { FULL } from "./security/support.ts";
import { host } from "./support/caller.ts";
import { CERTIFICATE } from "./support/certificate.ts";
import { Images } from "./support/images.ts";
import { nodeOf, ownNode } from "./support/node.ts";
import { type Faults, TestRegistry } from "./support/registry.ts";
import { subjects } from "./support/runtime.ts";
import { brunPath } from "./support/workspace.ts";

const engines: readonly (readonly [string, boolean, () => Engine])[] = [
  ["Bun", true, () => "bun"],
  ["the machine's Node", Bun.which("node") !== null, () => ({ node: ownNode()! })],
  // From npm's registry: with npm run test:security.
  ...[18, 22].map((major) => [`Node ${major}`, FULL, () => ({ node: nodeOf(major) })] as const),
];

/** A failure: where the image is, how its registry is wrong, and what has to be said. */
interface Case {
  readonly name: string;
  readonly code: string;
  readonly says: string;
  readonly hint?: string;
  readonly options?: object;
}

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  describe(subject.label, () => {
    for (const [name, there, engine] of engines) {
      const ask = async (images: Images, action: string, asked: unknown) => {
        const { box, data } = images;
        const args = [brunPath(), box.state, action, JSON.stringify(asked)];
        const env = { ...box.env, HOME: data };
        const { code, stdout, stderr } = await runProgram(
          engine(),
          caller,
          Object.assign(Object.create(box), { env }),
          "test/api/images.ts",
          args,
        );
        expect([code, stderr]).toEqual([0, ""]);
        return JSON.parse(stdout);
      };

      test.if(there)(`pull, push, images, run, in ${name}: what comes back, and how far it is`, async () => {
        await using images = Images.make(subject);
        const { registry } = images;
        registry.push("app", "1", images.image());
        const at = registry.host;
        const seen = await ask(images, "works", {
          image: `${at}/app:1`,
          copy: `${at}/copy:1`,
          unused: `${at}/other:1`,
        });
        expect(seen.ids).toEqual([true, true, `${at}/app:1`, true]);
        expect(seen.pulling).toEqual([
          `pulling ${at}/app:1`,
          expect.arrayContaining(["done", "downloading", "waiting"]),
          true,
        ]);
        // What another repository of the registry has is not sent.
        expect(seen.pushing).toEqual([`pushing ${at}/copy:1`, ["done", "waiting"], true]);
        // Its layers are there.
        expect(seen.running[1]).toEqual(["done"]);
        expect(seen.quiet).toEqual([null, [], true]);
        expect(seen.stdout).toBe("second\n");
        expect(seen.never).toMatchObject({ name: "BrunError", code: "ERR_IMAGE_NOT_FOUND" });
      });

      test.if(there)(`a login for one call, in ${name}: creds of pull, push and run`, async () => {
        await using images = Images.make(subject, { basic: "me:secret" });
        images.registry.push("app", "1", images.image());
        const at = images.registry.host;
        const refused = { name: "BrunError", code: "ERR_UNAUTHORIZED" };
        expect(await ask(images, "logsIn", { image: `${at}/app:1`, copy: `${at}/copy:1` })).toMatchObject({
          without: { ...refused, message: expect.stringContaining("wants a login") },
          wrong: { ...refused, message: expect.stringContaining("refuses your login") },
          text: {
            code: "ERR_USAGE",
            message: "creds: expected an object with username, which has no colon, and password",
          },
          stdout: "second\n",
          same: true,
        });
      });

      test.if(there)(`a pull that is aborted, in ${name}, goes on with the next one`, async () => {
        await using images = Images.make(subject, { slow: 100 });
        const { registry } = images;
        registry.push("app", "1", images.image({ packing: "none" }));
        const image = `${registry.host}/app:1`;
        const seen = await ask(images, "aborts", { image });
        const aborted = { name: "AbortError", code: "ABORT_ERR", message: expect.stringContaining("enough") };
        expect(seen.pull).toMatchObject([aborted, true]);
        expect(seen.run).toMatchObject([aborted, true]);
        registry.become({});
        const { ids } = await ask(images, "works", {
          image,
          copy: `${registry.host}/copy:1`,
          unused: `${registry.host}/other:1`,
        });
        expect(ids[0]).toBe(true);
      });
    }

    test("each failure of an image has a code, and one line with image, registry and remedy", async () => {
      await using images = Images.make(subject);
      const open: TestRegistry[] = [images.registry];
      const at = images.registry.host;
      const push = (
        tag: string,
        layers: readonly (readonly TestEntry[] | Uint8Array)[],
        options?: TestImageOptions,
      ) => images.registry.push("app", tag, imageOf(layers, options));
      /** An image in a registry of its own that is wrong in a way. */
      const wrong = (faults: Faults, tls?: { cert: string; key: string }) => {
        const registry = new TestRegistry(faults, tls === undefined ? {} : { tls });
        open.push(registry);
        registry.push("app", "1", images.image());
        return `${registry.host}/app:1`;
      };
      images.registry.push("app", "1", images.image());
      push("arm", [[{ path: "a" }]], { platform: { os: "linux", architecture: "riscv64" } });
      push("cut", [tarOf([{ path: "srv/file", data: "x".repeat(5000) }]).subarray(0, 2000)]);
      push("out", [[{ path: "../out", data: "x" }]]);
      push("encrypted", [[{ path: "a" }]], {
        layerType: "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
      });
      push("xz", [new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0])], { packing: "none" });
      push("zlib", [gzipSync(tarOf([{ path: "a", data: "x" }])).subarray(0, 40)], { packing: "none" });
      push("ids", [[{ path: "a", uid: 2_000_000 }]]);
      const index = (...architectures: string[]) => ({
        schemaVersion: 2,
        manifests: architectures.map((architecture) => ({
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          digest: `sha256:${"1".repeat(64)}`,
          size: 1,
          platform: { os: "linux", architecture },
        })),
      });
      const utf8 = (text: string) => new TextEncoder().encode(text);
      images.registry.pushDocument("app", "index", utf8(JSON.stringify(index("riscv64", "s390x"))));
      images.registry.pushDocument("app", "html", utf8("<html>"));
      const missing = `sha256:${"0".repeat(64)}`;
      const layout = `${images.box.dir}/layout`;
      writeLayout(layout, { a: images.image() });
      host("sh", "-c", `cd '${layout}/blobs/sha256' && rm "$(ls -S | head -1)"`);
      writeFileSync(`${images.box.dir}/text.tar`, "text");
      const tls = wrong({}, CERTIFICATE);
      const cases: Case[] = [
        {
          name: "nosuch.invalid/app:1",
          code: "ERR_NETWORK",
          says: "nosuch.invalid is not found",
          hint: "is there a network",
        },
        {
          name: "127.0.0.1:1/app:1",
          code: "ERR_NETWORK",
          says: "127.0.0.1:1 cannot be reached",
          hint: "HTTPS_PROXY",
        },
        {
          name: `${at}/nosuch:1`,
          code: "ERR_IMAGE_NOT_FOUND",
          says: `${at} has no repository nosuch`,
          hint: "name",
        },
        {
          name: `${at}/app:9`,
          code: "ERR_IMAGE_NOT_FOUND",
          says: "app has no image with the tag 9",
          hint: "there are: 1, ",
        },
        {
          name: `${at}/app@${missing}`,
          code: "ERR_IMAGE_NOT_FOUND",
          says: `with the digest ${missing}`,
          hint: "tags",
        },
        {
          name: wrong({ basic: "me:secret" }),
          code: "ERR_UNAUTHORIZED",
          says: "wants a login",
          hint: "brun login 127",
        },
        {
          name: wrong({ limited: true }),
          code: "ERR_RATE_LIMIT",
          says: "allows no more requests",
          hint: "mirror",
        },
        {
          name: tls,
          code: "ERR_TLS",
          says: "(CN=registry.test, by CN=registry.test, until 2126-",
          hint: "certs.d",
        },
        {
          name: `${at}/app:arm`,
          code: "ERR_PLATFORM",
          says: "is for linux/riscv64, and not for",
          hint: "platform linux/riscv64",
        },
        {
          name: `${at}/app:index`,
          code: "ERR_PLATFORM",
          says: "is not for linux/",
          hint: "there are: linux/riscv64, linux/s390x",
        },
        { name: wrong({ corrupt: true }), code: "ERR_DIGEST", says: "is damaged" },
        { name: `${at}/app:cut`, code: "ERR_ARCHIVE", says: '(at "srv/file")' },
        { name: `${at}/app:zlib`, code: "ERR_ARCHIVE", says: "cannot be uncompressed" },
        { name: `${at}/app:out`, code: "ERR_ARCHIVE", says: "leads out of the image" },
        { name: `${at}/app:html`, code: "ERR_ARCHIVE", says: "is no JSON" },
        {
          name: `${at}/app:encrypted`,
          code: "ERR_UNSUPPORTED",
          says: "tar+gzip+encrypted",
          hint: "decryption",
        },
        { name: `${at}/app:xz`, code: "ERR_UNSUPPORTED", says: "is compressed by xz", hint: "xz -d" },
        {
          name: "oci:/nowhere",
          code: "ERR_IMAGE_NOT_FOUND",
          says: "there is no /nowhere/index.json",
          hint: "directory",
        },
        { name: "dir:/nowhere", code: "ERR_IMAGE_NOT_FOUND", says: "there is no /nowhere/manifest.json" },
        {
          name: "docker-archive:/nowhere",
          code: "ERR_IMAGE_NOT_FOUND",
          says: "there is no /nowhere",
          hint: "file",
        },
        {
          name: `oci:${layout}:b`,
          code: "ERR_IMAGE_NOT_FOUND",
          says: 'has no image "b"',
          hint: "there are: a",
        },
        { name: `oci:${layout}:a`, code: "ERR_ARCHIVE", says: 'has no file "blobs/sha256/', hint: "whole" },
        {
          name: `oci-archive:${images.box.dir}/text.tar`,
          code: "ERR_ARCHIVE",
          says: "text.tar has been cut off",
        },
        { name: "App:1", code: "ERR_USAGE", says: "capital letters", hint: "app:1" },
        {
          name: `${at}/app:1`,
          options: { platform: "windows/amd64" },
          code: "ERR_USAGE",
          says: "is no platform",
        },
        {
          name: `${at}/app:1`,
          options: { policy: "never" },
          code: "ERR_IMAGE_NOT_FOUND",
          says: "is not there",
          hint: "brun image pull",
        },
        {
          name: `${at}/app:1`,
          options: { authfile: "/nowhere" },
          code: "ENOENT",
          says: "there is no file /nowhere",
        },
      ];
      // Root has all ids.
      if (caller.uid !== 0)
        cases.push({
          name: `${at}/app:ids`,
          code: "ERR_IDS",
          says: "belongs to user 2000000",
          hint: "userns=single",
        });
      try {
        const { box, data } = images;
        const asked = JSON.stringify(cases.map((one) => [one.name, one.options ?? {}]));
        const args = [brunPath(), box.state, "fails", asked];
        const env = { ...box.env, HOME: data };
        const own = Object.assign(Object.create(box), { env });
        const { stdout, stderr } = await runProgram("bun", caller, own, "test/api/images.ts", args);
        expect(stderr).toBe("");
        const seen = JSON.parse(stdout) as { code: string; message: string; hint?: string }[];
        for (const [i, { name, code, says, hint = "" }] of cases.entries()) {
          const { code: got, message, hint: told = "" } = seen[i]!;
          expect([name, got, message.includes(says) || message, told.includes(hint) || told]).toEqual([
            name,
            code,
            true,
            true,
          ]);
          expect([name, message.includes("\n")]).toEqual([name, false]);
        }
      } finally {
        for (const registry of open.slice(1)) registry[Symbol.dispose]();
      }
      expect(await images.ok(["image", "list", "-q"])).toBe("");
    }, 180_000);

    // Root mounts a small file system for it.
    test.if(caller.uid === 0)(
      "a full disk: how much is missing, before and while it is unpacked",
      async () => {
        await using images = Images.make(subject);
        const { registry, store } = images;
        const noise = crypto.getRandomValues(new Uint8Array(60_000));
        const large = Buffer.concat(Array.from({ length: 350 }, () => noise));
        registry.push("large", "1", imageOf([[{ path: "file", data: large }]], { packing: "none" }));
        const same = Buffer.concat(Array.from({ length: 2000 }, () => noise.subarray(0, 20_000)));
        const packed = imageOf([[{ path: "file", data: same }]]);
        registry.push("packed", "1", packed);
        const layout = `${images.box.dir}/layout`;
        writeLayout(layout, { "1": packed });
        mkdirSync(store, { recursive: true });
        host("mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs", store);
        try {
          const line = async (name: string) => (await images.call(["image", "pull", "-q", name])).stderr;
          expect(await line(`${registry.host}/large:1`)).toMatch(
            /large:1 needs 21\.0 MB and more in .*, where 16\.\d MB are free: [45]\.\d MB are missing; hint: .brun image prune/,
          );
          expect(
            registry.requests.some(({ path }) => path.includes("large/blobs") && registry.blobBytes > 10_000),
          ).toBe(false);
          // 40 MB where there is room for 15.9 MB, also if all of the archive is read at once.
          for (const name of [`${registry.host}/packed:1`, `oci:${layout}:1`])
            expect(await line(name)).toMatch(/: about 2[0-6]\.\d MB are missing/);
        } finally {
          host("umount", store);
        }
      },
    );
  });
}
