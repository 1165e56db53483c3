/** `brun image push` and `image commit` into files: what others read of what brun writes. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { digestOf } from "../src/image/digest.ts";
import { MEDIA } from "../src/image/manifest.ts";
import { imageOf, writeLayout } from "../src/image/testing/image.ts";
import { tarOf } from "../src/image/testing/tar.ts";
import { host } from "./support/caller.ts";
import { Images, programLayer, run } from "./support/images.ts";
import { until } from "./support/processes.ts";
import { TestRegistry } from "./support/registry.ts";
import { subjects } from "./support/runtime.ts";

const has = (program: string) => Bun.which(program) !== null;

interface ManifestJson {
  readonly mediaType: string;
  readonly config: { readonly mediaType: string; readonly digest: string };
  readonly layers: readonly { readonly mediaType: string; readonly digest: string; readonly size: number }[];
}

const json = (bytes: Uint8Array | undefined) => JSON.parse(new TextDecoder().decode(bytes)) as ManifestJson;

/** More than goes in one request, and nothing that can be compressed. */
function noise(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let x = 1;
  for (let i = 0; i < size; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  describe(subject.label, () => {
    test("push: the layers that were pulled, whoever packed them, under the name that is given", async () => {
      await using images = Images.make(subject);
      const { registry } = images;
      for (const packing of ["gzip", "zstd", "none", "gzip members"] as const) {
        const image = images.image({ packing });
        registry.push("from", packing.replace(" ", "-"), image);
        const source = `${registry.host}/from:${packing.replace(" ", "-")}`;
        await images.ok(["image", "pull", "-q", source]);
        using other = new TestRegistry();
        const name = `${other.host}/team/to:1`;
        const digestFile = `${images.data}/digest`;
        const digest = (
          await images.ok(["image", "push", "-q", "--digestfile", digestFile, source, name])
        ).trim();
        const pushed = other.pushed("team/to", "1");
        expect([digestOf(pushed!.bytes), readFileSync(digestFile, "utf8")]).toEqual([digest, digest]);
        const manifest = json(pushed?.bytes);
        expect([pushed?.type, manifest.config.digest]).toEqual([MEDIA.manifest, image.config]);
        // The archives are the same, byte by byte; only their compression may be another.
        const diffIds = manifest.layers.map((layer) => {
          const blob = other.blobOf("team/to", layer.digest)!;
          expect([layer.mediaType, layer.size]).toEqual([MEDIA.layerGzip, blob.length]);
          return digestOf(gunzipSync(blob));
        });
        expect(diffIds).toEqual([...image.diffIds]);
        await images.ok(["image", "remove", source]);
        expect(await images.ok(run(name, "cat /etc/motd; ls /opt/all"))).toBe("second\nthree\n");
        await images.ok(["image", "remove", name]);
      }
    });

    test("push: an archive that names a file twice, and one that only its own tar would write", async () => {
      await using images = Images.make(subject);
      const twice = tarOf([
        { path: "a", data: "1" },
        { path: "a", data: "2" },
        { path: "b/c", data: "x".repeat(70_000), pax: { mtime: "1.5", "SCHILY.xattr.user.k": "v" } },
        { path: "b", type: "2", link: "elsewhere" },
      ]);
      const odd = Buffer.concat([
        tarOf([
          { path: ".wh.gone", data: "a whiteout with data" },
          { path: "hard", type: "1", link: "b" },
          { path: "dev", type: "3" },
        ]),
        new Uint8Array(3000).fill(7),
      ]);
      const image = imageOf([programLayer(images.box), twice, new Uint8Array(odd)]);
      const layout = `${images.box.dir}/layout`;
      writeLayout(layout, { a: image });
      await images.ok(["image", "pull", "-q", `oci:${layout}:a`]);
      const name = `${images.registry.host}/odd:1`;
      await images.ok(["image", "push", "-q", `oci:${layout}:a`, name]);
      const { layers } = json(images.registry.pushed("odd", "1")?.bytes);
      const diffIds = layers.map(({ digest }) =>
        digestOf(gunzipSync(images.registry.blobOf("odd", digest)!)),
      );
      expect(diffIds).toEqual([...image.diffIds]);
    });

    test("push: what is there is not sent, what another repository has is taken over", async () => {
      await using images = Images.make(subject);
      const { registry } = images;
      const image = images.image();
      registry.push("base", "1", image);
      const source = `${registry.host}/base:1`;
      const digest = (await images.ok(["image", "pull", "-q", source])).trim();
      const sent = () =>
        registry.requests.splice(0).filter(({ method }) => method === "PUT" || method === "PATCH");
      sent();
      // The manifest that it was pulled by, since nothing was packed anew.
      expect(await images.ok(["image", "push", "-q", source, `${registry.host}/copy:1`])).toBe(`${digest}\n`);
      expect(sent().map(({ path }) => path.replace(/[0-9a-f-]{36}$/, "ID"))).toEqual([
        "/v2/copy/blobs/uploads/ID",
        "/v2/copy/manifests/1",
      ]);
      expect(await images.ok(["image", "push", "-q", source])).toBe(`${digest}\n`);
      expect(sent().map(({ path }) => path)).toEqual(["/v2/base/manifests/1"]);
      registry.become({ noMount: true });
      await images.ok(["image", "push", "-q", source, `${registry.host}/third:1`]);
      expect(json(registry.pushed("third", "1")?.bytes).config.digest).toBe(image.config);
    });

    test("push: uploads that break off go on, in pieces; a registry that forgets them, or takes no large ones", async () => {
      await using images = Images.make(subject);
      const layout = `${images.box.dir}/layout`;
      writeLayout(layout, { a: imageOf([[{ path: "noise", data: noise(20 << 20) }]]) });
      const source = `oci:${layout}:a`;
      await images.ok(["image", "pull", "-q", source]);
      const faults = {
        breaks: { cutUpload: { after: 5 << 20, times: 3 } },
        forgets: { cutUpload: { after: 5 << 20, times: 2 }, forgets: true },
        limits: { bodyMax: 17 << 20 },
        least: { bodyMax: 19 << 20, least: 18 << 20 },
      };
      for (const [kind, fault] of Object.entries(faults)) {
        using registry = new TestRegistry(fault);
        await images.ok(["image", "push", "-q", source, `${registry.host}/a:1`]);
        const { layers } = json(registry.pushed("a", "1")?.bytes);
        expect([kind, registry.blobOf("a", layers[0]!.digest)?.length]).toEqual([kind, layers[0]!.size]);
        const patches = registry.requests.filter(({ method }) => method === "PATCH");
        expect([kind, patches[0]?.headers.get("content-range")]).toEqual([kind, null]);
        const pieces = patches.flatMap(({ headers }) => headers.get("content-range") ?? []);
        expect([kind, pieces.length]).toEqual([kind, kind === "breaks" || kind === "forgets" ? 3 : 2]);
        // What the registry had was not sent again.
        if (kind === "breaks") expect(pieces[0]).toStartWith(`${5 << 20}-`);
        if (kind === "least") expect(pieces[0]).toBe(`0-${(18 << 20) - 1}`);
      }
    }, 120_000);

    test("push: with a login by Bearer, and what the registry refuses", async () => {
      await using images = Images.make(subject);
      const { registry } = images;
      registry.push("app", "1", images.image());
      const source = `${registry.host}/app:1`;
      await images.ok(["image", "pull", "-q", source]);
      const authFile = `${images.box.dir}/auth.json`;
      writeFileSync(authFile, JSON.stringify({ auths: { [registry.host]: { auth: btoa("me:secret") } } }));
      host("chmod", "644", authFile);
      registry.become({ bearer: { login: "me:secret" } });
      const to = `${registry.host}/private/app:2`;
      const none = await images.call(["image", "push", "-q", source, to]);
      expect([none.code, none.stderr]).toEqual([
        1,
        `brun: ${registry.host} wants a login to push ${to}; hint: brun login ${registry.host}\n`,
      ]);
      await images.ok(["image", "push", "-q", "--authfile", authFile, source, to]);
      // One token for both repositories: to write to the one, and to take blobs over from the other.
      const scopes = registry.requests
        .filter(({ path }) => path === "/token")
        .at(-1)
        ?.query.getAll("scope");
      expect(scopes).toEqual(["repository:private/app:pull,push", "repository:app:pull"]);
      const line = async (...args: string[]) => {
        const { code, stdout, stderr } = await images.call(["image", "push", "-q", ...args]);
        expect([code, stdout, stderr.split("\n").length]).toEqual([1, "", 2]);
        return stderr;
      };
      registry.become({ readOnly: true });
      expect(await line(source, `${registry.host}/x:1`)).toContain(
        "takes nothing for x; hint: it may be a mirror",
      );
      registry.become({ limited: true });
      expect(await line(source, `${registry.host}/x:1`)).toContain("allows no more requests for now");
      registry.become({});
      expect(await line(source, `${registry.host}/x@sha256:${"0".repeat(64)}`)).toContain("has a digest");
      expect(await line(source, "dir:/tmp/x")).toContain("dir: cannot be written to");
      expect(await line("nosuch:1")).toContain("there is no image nosuch:1");
      expect(await line(source, "127.0.0.1:1/x:1")).toContain("127.0.0.1:1 cannot be reached");
      expect(await line(source, "--format", "v3")).toContain('there is no format "v3"; hint: oci, v2s2');
      mkdirSync(`${images.box.dir}/full`);
      writeFileSync(`${images.box.dir}/full/file`, "x");
      host("chmod", "777", `${images.box.dir}/full`);
      expect(await line(source, `oci:${images.box.dir}/full`)).toContain(
        "has other files, and is no OCI layout",
      );
      expect(readdirSync(`${images.box.dir}/full`)).toEqual(["file"]);
      expect(await line(source, "oci:/proc/x/y:1")).toContain("oci:/proc/x/y:1: ");
      expect(readdirSync(`${images.store}/partial`)).toEqual([]);
    });

    test("push: the files of a layer that are not what they were", async () => {
      await using images = Images.make(subject);
      const { registry } = images;
      registry.push("app", "1", images.image());
      const source = `${registry.host}/app:1`;
      await images.ok(["image", "pull", "-q", source]);
      // grep says 2 where a user may not read what other ids have.
      const search = 'grep -rl "^first$" "$1" 2>/dev/null || test $? = 2';
      const motd = host("sh", "-c", search, "sh", `${images.store}/layers`).trim();
      writeFileSync(motd, "other!");
      const layout = `oci:${images.data}/out:a`;
      const { code, stderr } = await images.call(["image", "push", "-q", source, layout]);
      expect([code, stderr]).toEqual([1, expect.stringContaining("what its files make has the digest")]);
      expect(stderr).toContain(`hint: \`brun image remove ${source}\`, and pull it again`);
      expect(existsSync(`${images.data}/out`)).toBe(false);
      expect(readdirSync(`${images.store}/partial`)).toEqual([]);
    });

    test("push into files: a layout with several images, an archive, Docker's format", async () => {
      await using images = Images.make(subject);
      const { registry } = images;
      registry.push("app", "1", images.image());
      registry.push("app", "2", images.image({ packing: "zstd", config: { Env: ["A=2"] } }));
      const [one, two] = [`${registry.host}/app:1`, `${registry.host}/app:2`];
      for (const name of [one, two]) await images.ok(["image", "pull", "-q", name]);
      const layout = `${images.data}/a layout`;
      await images.ok(["image", "push", "-q", one, `oci:${layout}:first`]);
      await images.ok(["image", "push", "-q", two, `oci:${layout}:second`]);
      await images.ok(["image", "push", "-q", two, `oci:${layout}:first`]);
      const index = JSON.parse(readFileSync(`${layout}/index.json`, "utf8")) as {
        manifests: { annotations: Record<string, string>; digest: string }[];
      };
      expect(index.manifests.map(({ annotations }) => Object.values(annotations))).toEqual([
        ["second"],
        ["first"],
      ]);
      expect(index.manifests[0]?.digest).toBe(index.manifests[1]!.digest);
      expect(await images.ok(run(`oci:${layout}:first`, "cat /etc/motd; echo $A"))).toBe("second\n2\n");
      const archive = `oci-archive:${images.data}/image.tar:a`;
      await images.ok(["image", "push", "-q", one, archive]);
      expect(await images.ok(run(archive, "cat /etc/motd"))).toBe("second\n");
      expect((await images.call(["image", "push", "-q", one, archive])).stderr).toContain("is there already");
      const to = `${registry.host}/docker:1`;
      await images.ok(["image", "push", "-q", "--format", "v2s2", two, to]);
      const pushed = registry.pushed("docker", "1")!;
      const manifest = json(pushed.bytes);
      expect([pushed.type, manifest.mediaType]).toEqual([MEDIA.dockerManifest, MEDIA.dockerManifest]);
      expect(manifest.config.mediaType).toBe("application/vnd.docker.container.image.v1+json");
      expect(new Set(manifest.layers.map(({ mediaType }) => mediaType))).toEqual(
        new Set(["application/vnd.docker.image.rootfs.diff.tar.gzip"]),
      );
      await images.ok(["image", "remove", to, one, two].filter((name) => name !== to));
      expect(await images.ok(run(to, "cat /etc/motd; echo $A"))).toBe("second\n2\n");
      // From Docker's format into a layout, which is OCI's.
      await images.ok(["image", "push", "-q", to, `oci:${images.data}/from-docker:a`]);
      expect(await images.ok(run(`oci:${images.data}/from-docker:a`, "cat /etc/motd"))).toBe("second\n");
    });

    /** What the container does to the files of FILES and CHANGES. */
    const changes = [
      "echo third >/etc/motd",
      "rm -r /opt/all",
      "mkdir /opt/all; echo new >/opt/all/new",
      "mkdir -p /opt/new/dir; echo x >/opt/new/dir/file; ln /opt/new/dir/file /opt/new/hard; ln -s dir/file /opt/new/link",
      "mkfifo /opt/new/fifo",
      "chmod 4711 /opt/name",
      "chown 33:33 /opt/new",
    ].join(" && ");

    /** A layout of what a container has changed. */
    async function committed(images: Images): Promise<{ layout: string; digest: string; name: string }> {
      images.registry.push("app", "1", images.image({ config: { Env: ["A=1"] } }));
      const name = `${images.registry.host}/app:1`;
      const id = images.box.name();
      const script = `${changes}; touch /ready; exec sleep 1000`;
      await images.ok(["run", "--image", name, "-d", "--name", id, "--", "sh", "-c", script]);
      const isReady = async () => (await images.call(["exec", id, "ls", "/ready"])).code === 0;
      await until("it has changed all", isReady);
      const layout = `${images.data}/layout`;
      const digest = (await images.ok(["image", "commit", "-c", "ENV B=2", id, `oci:${layout}:new`])).trim();
      await images.ok(["delete", "--force", id]);
      return { layout, digest, name };
    }

    test("commit into a layout: the image is there, and in the store nothing is left of it", async () => {
      await using images = Images.make(subject);
      const { layout, name } = await committed(images);
      expect(await images.ok(["image", "list", "--names"])).toBe(`${name}\n`);
      const layers = readdirSync(`${images.store}/layers`).flatMap((ids) =>
        readdirSync(`${images.store}/layers/${ids}`),
      );
      expect(layers.length).toBe(3);
      const look =
        "cat /etc/motd /opt/all/new /opt/new/link; ls /opt /opt/all; stat -c '%a %u' /opt/name /opt/new; " +
        "stat -c %i /opt/new/hard /opt/new/dir/file | sort -u | wc -l; test -p /opt/new/fifo; echo $? $A $B";
      const expected =
        "third\nnew\nx\n/opt:\nall\nname\nnew\nof-lower\nother-name\n\n/opt/all:\nnew\n4711 0\n755 33\n1\n0 1 2\n";
      expect(await images.ok(run(`oci:${layout}:new`, look))).toBe(expected);
    });

    test.if(has("skopeo"))("commit into a layout: skopeo reads it, and copies it", async () => {
      await using images = Images.make(subject);
      const { layout, digest } = await committed(images);
      const { Digest, Layers, Env } = JSON.parse(host("skopeo", "inspect", `oci:${layout}:new`)) as {
        Digest: string;
        Layers: string[];
        Env: string[];
      };
      expect([Digest, Layers.length, Env]).toEqual([digest, 4, ["A=1", "B=2"]]);
      host("skopeo", "copy", "-q", `oci:${layout}:new`, `docker-archive:${images.box.dir}/saved.tar:a:b`);
      host("chmod", "644", `${images.box.dir}/saved.tar`);
      expect(await images.ok(run(`docker-archive:${images.box.dir}/saved.tar`, "cat /etc/motd"))).toBe(
        "third\n",
      );
    });

    // Only root may make files of other owners.
    test.if(has("umoci") && caller.uid === 0)("commit into a layout: umoci unpacks it", async () => {
      await using images = Images.make(subject);
      const { layout } = await committed(images);
      const bundle = `${images.box.dir}/bundle`;
      host("umoci", "unpack", "--image", `${layout}:new`, bundle);
      const at = (path: string) => `${bundle}/rootfs/${path}`;
      expect(readFileSync(at("etc/motd"), "utf8")).toBe("third\n");
      expect(readdirSync(at("opt")).sort()).toEqual(["all", "name", "new", "of-lower", "other-name"]);
      expect(readdirSync(at("opt/all"))).toEqual(["new"]);
      const files = ["opt/name", "opt/new", "opt/new/hard", "opt/new/fifo"].map(at);
      expect(host("stat", "-c", "%a %u %h %F", ...files)).toBe(
        "4711 0 1 regular file\n755 33 3 directory\n644 0 2 regular file\n644 0 1 fifo\n",
      );
    });
  });
}
