/** Pulling through what is between: TLS with its authorities, proxies, slow and silent registries. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { imageOf } from "../src/image/testing/image.ts";
import { tarOf } from "../src/image/testing/tar.ts";
import { FULL } from "./security/support.ts";
import { host, ownedDir } from "./support/caller.ts";
import { Authority, type Certificate, selfSigned } from "./support/certificates.ts";
import { Images, programLayer } from "./support/images.ts";
import { until } from "./support/processes.ts";
import { TestProxy } from "./support/proxy.ts";
import { type Faults, TestRegistry } from "./support/registry.ts";
import { subjects } from "./support/runtime.ts";

/** How often a pull is killed. */
const POINTS = FULL ? 30 : 5;
const MEGABYTE = 1 << 20;

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  describe(subject.label, () => {
    /** A registry with TLS that has an image "app:1". */
    function secure(images: Images, tls: Certificate, faults: Faults = {}): TestRegistry {
      const registry = new TestRegistry(faults, { tls });
      registry.push("app", "1", images.image());
      return registry;
    }

    const show = (name: string, ...flags: string[]) => [
      ...["run", "--image", name, "-q", ...flags, "--", "cat", "/etc/motd"],
    ];

    test("TLS: an authority by SSL_CERT_FILE and by certs.d; who vouches for nobody is refused by name", async () => {
      await using images = Images.make(subject);
      const tls = ownedDir(caller, `${images.box.dir}/tls`);
      const authority = new Authority(tls);
      using registry = secure(images, authority.certificate(["IP:127.0.0.1"]));
      const { host: at } = registry;
      const name = `${at}/app:1`;
      const remedy = `hint: put its authority into ~/.config/containers/certs.d/${at}/ca.crt, or name it by SSL_CERT_FILE\n`;
      const refused = await images.call(show(name));
      expect([refused.code, refused.stderr]).toEqual([
        1,
        expect.stringMatching(
          /^brun: \S+: the certificate of 127\.0\.0\.1:\d+ is not accepted: .*CN=registry of the tests.*; hint: /,
        ),
      ]);
      expect(refused.stderr).toEndWith(remedy);
      host("chmod", "644", authority.file);
      expect(await images.ok(show(name), { env: { SSL_CERT_FILE: authority.file } })).toBe("second\n");
      await images.ok(["image", "remove", name]);
      const certs = `${images.data}/.config/containers/certs.d/${at}`;
      mkdirSync(certs, { recursive: true });
      host("cp", authority.file, `${certs}/ca.crt`);
      host("chown", "-R", `${caller.uid}:${caller.gid}`, `${images.data}/.config`);
      expect(await images.ok(show(name))).toBe("second\n");
      await images.ok(["image", "remove", name]);
      host("rm", "-r", certs);
      expect(await images.ok(show(name, "--tls-verify=false"))).toBe("second\n");
    });

    test("TLS: a registry that wants a certificate of the client, which certs.d has", async () => {
      await using images = Images.make(subject);
      const authority = new Authority(ownedDir(caller, `${images.box.dir}/tls`));
      const tls = authority.certificate(["IP:127.0.0.1"]);
      using registry = new TestRegistry({}, { tls, clients: readFileSync(authority.file, "utf8") });
      registry.push("app", "1", images.image());
      const name = `${registry.host}/app:1`;
      const certs = ownedDir(caller, `${images.data}/.config/containers/certs.d/${registry.host}`);
      writeFileSync(`${certs}/ca.crt`, readFileSync(authority.file));
      // It is tried for six seconds.
      if (FULL) {
        const refused = await images.call(show(name));
        expect([refused.code, refused.stderr]).toEqual([
          1,
          `brun: ${name}: ${registry.host} has closed the connection; hint: if it wants a certificate of yours, put it into ~/.config/containers/certs.d/${registry.host} as client.cert and client.key\n`,
        ]);
      }
      writeFileSync(`${certs}/client.cert`, tls.cert);
      writeFileSync(`${certs}/client.key`, tls.key);
      expect(await images.ok(show(name))).toBe("second\n");
    });

    test("TLS: self-signed, ended, of another host: each is told", async () => {
      await using images = Images.make(subject);
      const tls = ownedDir(caller, `${images.box.dir}/tls`);
      const authority = new Authority(tls);
      host("chmod", "644", authority.file);
      const cases: readonly (readonly [Certificate, RegExp])[] = [
        [selfSigned(tls, "self-made"), /self.signed.*CN=self-made/i],
        [authority.certificate(["IP:127.0.0.1"], 0), /has expired|not.*valid/i],
        [
          authority.certificate(["DNS:elsewhere.test"]),
          /127\.0\.0\.1.*elsewhere\.test|elsewhere\.test.*127\.0\.0\.1/,
        ],
      ];
      for (const [certificate, says] of cases) {
        using registry = secure(images, certificate);
        const { code, stderr } = await images.call(show(`${registry.host}/app:1`), {
          env: { SSL_CERT_FILE: authority.file },
        });
        expect([code, stderr]).toEqual([1, expect.stringMatching(says)]);
        expect(stderr).toContain(`: the certificate of ${registry.host} is not accepted: `);
        expect(stderr.trimEnd().split("\n").length).toBe(1);
        // Nothing was asked in the clear instead.
        expect(registry.requests).toEqual([]);
      }
    });

    for (const [variable, without] of [
      ["HTTPS_PROXY", "NO_PROXY"],
      ["https_proxy", "no_proxy"],
    ] as const) {
      test(`${variable}, with a login in it; ${without}`, async () => {
        await using images = Images.make(subject);
        const authority = new Authority(ownedDir(caller, `${images.box.dir}/tls`));
        host("chmod", "644", authority.file);
        using registry = secure(images, authority.certificate(["DNS:registry.test", "IP:127.0.0.1"]));
        const port = Number(registry.host.split(":")[1]);
        using proxy = await TestProxy.to(port, "me:se cret");
        const env = { SSL_CERT_FILE: authority.file };
        const through = { ...env, [variable]: `http://me:se%20cret@127.0.0.1:${proxy.port}` };
        // Nobody but the proxy knows the name.
        expect(await images.ok(show("registry.test/app:1"), { env: through })).toBe("second\n");
        expect(proxy.requests.every((line) => line === "CONNECT registry.test:443")).toBe(true);
        expect(proxy.requests.length).toBeGreaterThan(0);
        await images.ok(["image", "remove", "registry.test/app:1"]);
        const wrong = { ...env, [variable]: `http://me:wrong@127.0.0.1:${proxy.port}` };
        const refused = await images.call(show("registry.test/app:1"), { env: wrong });
        expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/^brun: .*prox.*\n$/i)]);
        expect(refused.stderr).not.toContain("wrong");
        const before = proxy.requests.length;
        const local = `${registry.host}/app:1`;
        const direct = { ...through, [without]: "example.com,127.0.0.1" };
        expect(await images.ok(show(local), { env: direct })).toBe("second\n");
        expect(proxy.requests.length).toBe(before);
      });
    }

    test("http_proxy for a registry without TLS", async () => {
      await using images = Images.make(subject);
      images.registry.push("app", "1", images.image());
      using proxy = await TestProxy.to(Number(images.registry.host.split(":")[1]));
      const env = { http_proxy: `http://127.0.0.1:${proxy.port}`, https_proxy: "" };
      const name = "registry.test:5000/app:1";
      expect(await images.ok(show(name, "--tls-verify=false"), { env })).toBe("second\n");
      expect(proxy.requests).toContain("GET http://registry.test:5000/v2/app/manifests/1");
    });

    test("a proxy that is not there is named", async () => {
      await using images = Images.make(subject);
      const env = { HTTPS_PROXY: "http://me:secret@127.0.0.1:1" };
      const { code, stderr } = await images.call(show("registry.test/app:1"), { env });
      expect([code, stderr]).toEqual([
        1,
        expect.stringMatching(
          /^brun: \S+: registry\.test cannot be reached by the proxy 127\.0\.0\.1:1; hint: is HTTPS_PROXY right\? .*\n$/,
        ),
      ]);
      expect(stderr).not.toContain("secret");
      // Where none is asked, none is named.
      const without = { HTTPS_PROXY: "http://127.0.0.1:1", NO_PROXY: "*.test,127.0.0.0/8" };
      const direct = await images.call(show("registry.test/app:1"), { env: without });
      expect([direct.code, direct.stderr]).toEqual([
        1,
        expect.stringContaining("registry.test is not found; hint:"),
      ]);
    });

    test("a registry that drips is waited for", async () => {
      await using images = Images.make(subject, { drip: { size: 100, ms: 20 } });
      images.registry.push(
        "app",
        "1",
        imageOf([[{ path: "a", data: "x".repeat(3000) }]], { packing: "none" }),
      );
      await images.ok(["image", "pull", "-q", `${images.registry.host}/app:1`]);
      expect(images.registry.dripped).toBeGreaterThan(3000);
    });

    test("what arrives is unpacked meanwhile", async () => {
      await using images = Images.make(subject, { drip: { size: 20_000, ms: 100 } });
      const { registry, box, data } = images;
      const layer = tarOf([
        { path: "first", data: "x" },
        { path: "second", data: "y".repeat(600_000) },
      ]);
      registry.push("app", "1", imageOf([layer], { packing: "none" }));
      const argv = ["image", "pull", "-q", `${registry.host}/app:1`];
      const pulling = box.spawn(argv, { env: { HOME: data } });
      const unpacked = () =>
        existsSync(`${images.store}/partial`) &&
        readdirSync(`${images.store}/partial`).some((name) =>
          existsSync(`${images.store}/partial/${name}/root/first`),
        );
      await until("the first file is there", unpacked);
      expect(registry.dripped).toBeLessThan(layer.length);
      expect(await pulling.done).toMatchObject({ code: 0, stderr: "" });
      expect(readdirSync(`${images.store}/partial`)).toEqual([]);
    });

    for (const noRange of [false, true]) {
      test(`a download whose beginning is another's${noRange ? ", and a registry without ranges" : ""}`, async () => {
        await using images = Images.make(subject, { noRange });
        const { registry, data, store } = images;
        const image = images.image({ packing: "none" });
        registry.push("app", "1", image);
        const name = `${registry.host}/app:1`;
        await images.ok(["image", "list"]);
        for (const digest of image.layers) {
          const path = `${store}/partial/${digest.replace(":", "-")}`;
          writeFileSync(path, "z".repeat(image.blobs.get(digest)!.length / 2));
          host("chown", `--reference=${data}`, path);
        }
        expect(await images.ok(show(name))).toBe("second\n");
        expect(readdirSync(`${store}/partial`)).toEqual([]);
      });
    }

    test.if(FULL)(
      "a registry that never answers is given up",
      async () => {
        await using images = Images.make(subject, { silent: true });
        const name = `${images.registry.host}/app:1`;
        const begin = Date.now();
        const { code, stderr } = await images.call(show(name), { timeoutMs: 400_000 });
        const line = `brun: ${name}: ${images.registry.host} does not answer; hint: is a firewall in the way? HTTPS_PROXY names a proxy\n`;
        expect([code, stderr]).toEqual([1, line]);
        expect(Date.now() - begin).toBeLessThan(150_000);
      },
      500_000,
    );

    test(`killed at ${POINTS} points of a large layer: it goes on where it stood`, async () => {
      await using images = Images.make(subject, { drip: { size: 64 << 10, ms: 4 } });
      const { registry, box } = images;
      // As fast as the client reads on a busy machine, too: what waits in the kernel is sent, and not there.
      const data = new Uint8Array(16 * MEGABYTE);
      for (let at = 0; at < data.length; at += 65536) crypto.getRandomValues(data.subarray(at, at + 65536));
      const image = imageOf([
        programLayer(box),
        [
          { path: "etc/motd", data: "second\n" },
          { path: "large", data },
        ],
      ]);
      registry.push("app", "1", image);
      const name = `${registry.host}/app:1`;
      let kills = 0;
      for (let i = 0; i < POINTS; i++) {
        const pulling = box.spawn(["image", "pull", "-q", name], { env: { HOME: images.data } });
        await Bun.sleep(60 + Math.random() * 300);
        pulling.kill("SIGKILL");
        if ((await pulling.done).signal !== null) kills++;
      }
      expect(await images.ok(show(name))).toBe("second\n");
      const size = image.blobs.values().reduce((sum, bytes) => sum + bytes.length, 0);
      expect(registry.dripped).toBeGreaterThanOrEqual(size - MEGABYTE);
      // What was on its way is asked for again, and small documents are.
      expect(registry.dripped - size).toBeLessThanOrEqual((kills + 1) * MEGABYTE);
    }, 120_000);
  });
}
