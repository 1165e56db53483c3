/** `brun image` and `run --image`: from a registry and from files to a container, without root. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { imageOf, writeLayout } from "../src/image/testing/image.ts";
import { tries } from "./security/support.ts";
import { host } from "./support/caller.ts";
import { Images, programLayer, run } from "./support/images.ts";
import { until } from "./support/processes.ts";
import { TestRegistry } from "./support/registry.ts";
import { subjects } from "./support/runtime.ts";
import { EPERM, refusing, without } from "./support/without.ts";
import { brunPath, bunPath } from "./support/workspace.ts";

const ROOT = `${import.meta.dir}/..`;

/** How often a pull is killed; 30 with npm run test:security. */
const POINTS = tries(4, 30);

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  describe(subject.label, () => {
    test("from a registry: layers, whiteouts, owners, links; the second run asks nobody", async () => {
      await using images = Images.make(subject);
      const { registry } = images;
      registry.push("team/app", "1", images.image());
      const name = `${registry.host}/team/app:1`;
      const script =
        "cat /etc/motd; ls /opt /opt/all; stat -c '%u %g %a' /srv /srv/of-www; stat -c %i /opt/name /opt/other-name /opt/of-lower | sort -u | wc -l";
      const out = await images.ok(run(name, script));
      const lines = out.split("\n");
      expect(lines[0]).toBe("second");
      expect(out).toContain("/opt:\nall\nname\nof-lower\nother-name\n");
      expect(out).toContain("/opt/all:\nthree\n");
      expect(out).toContain("33 33 700\n33 33 640\n1\n");
      const asked = registry.requests.length;
      expect(await images.ok(run(name, "cat /etc/motd; echo changed >/etc/motd; rm -r /opt"))).toBe(
        "second\n",
      );
      expect(await images.ok(run(name, "cat /etc/motd /opt/name"))).toBe("second\none inode");
      expect(registry.requests.length).toBe(asked);
      // An image's name needs no flag, as with podman.
      expect(await images.ok(["run", name, "cat", "/etc/motd"])).toBe("second\n");
      expect(registry.requests.length).toBe(asked);
      // With a bundle it is an id that cannot be one.
      const bundle = await images.call(["run", "--bundle", images.box.bundle(), "a/b"]);
      expect([bundle.code, bundle.stderr]).toEqual([
        1,
        expect.stringContaining("invalid container ID format"),
      ]);
    });

    test("the image says what runs, where, as whom, with which environment; flags say otherwise", async () => {
      await using images = Images.make(subject);
      const config = {
        Entrypoint: ["echo", "hello"],
        Cmd: ["world"],
        Env: ["PATH=/bin:/opt/bin", "FROM_IMAGE=1"],
        WorkingDir: "/srv/dir",
        User: "33:33",
        StopSignal: "SIGINT",
        Labels: { "run.oci.hooks.stdout": "/tmp/x", "org.brun.init": "false" },
      };
      writeLayout(`${images.box.dir}/layout`, { a: images.image({ config }) });
      const name = `oci:${images.box.dir}/layout:a`;
      expect(await images.ok(["run", "--image", name])).toBe("hello world\n");
      expect(await images.ok(["run", "--image", name, "--", "you"])).toBe("hello you\n");
      const asked = ["--entrypoint", "sh", "--", "-c", "id -u; pwd; echo $FROM_IMAGE $PATH"];
      expect(await images.ok(["run", "--image", name, ...asked])).toBe("33\n/srv/dir\n1 /bin:/opt/bin\n");
      const flags = ["--user", "0", "-w", "/etc", "-e", "FROM_IMAGE=2"];
      expect(await images.ok(["run", "--image", name, ...flags, ...asked])).toBe(
        "0\n/etc\n2 /bin:/opt/bin\n",
      );
      const spec = JSON.parse(await images.ok(["run", "--image", name, "--print-config"]));
      expect(spec.annotations["org.opencontainers.image.stopSignal"]).toBe("SIGINT");
      expect(spec.annotations["run.oci.hooks.stdout"]).toBeUndefined();
      expect(spec.annotations["org.brun.init"]).toBe("true");
    });

    // Root's containers have no user namespace.
    test.if(caller.uid !== 0)("one id: everything is the caller's", async () => {
      await using images = Images.make(subject);
      images.registry.push("app", "1", images.image());
      const name = `${images.registry.host}/app:1`;
      expect(
        await images.ok(run(name, "stat -c '%u %g' /srv/of-www; cat /srv/of-www", "--userns=single")),
      ).toBe("0 0\ndata");
    });

    for (const packing of ["gzip", "zstd", "none", "gzip members"] as const) {
      test(`layers as ${packing}`, async () => {
        await using images = Images.make(subject);
        images.registry.push("app", "1", images.image({ packing }));
        expect(await images.ok(run(`${images.registry.host}/app:1`, "cat /etc/motd"))).toBe("second\n");
      });
    }

    test("what is broken off goes on; what is busy is asked again", async () => {
      await using images = Images.make(subject, { breakOff: { after: 30_000, times: 6 } });
      images.registry.push("app", "1", images.image({ packing: "none" }));
      const name = `${images.registry.host}/app:1`;
      expect(await images.ok(run(name, "cat /etc/motd"))).toBe("second\n");
      expect(images.registry.requests.some(({ headers }) => headers.get("range") !== null)).toBe(true);
      images.registry.become({ busy: { status: 503, times: 2 }, noRange: true, redirect: "" });
      await images.ok(["image", "remove", name]);
      expect(await images.ok(run(name, "cat /etc/motd"))).toBe("second\n");
    });

    test("a login by Basic, by Bearer, and none", async () => {
      await using images = Images.make(subject, { basic: "me:secret" });
      const { registry } = images;
      registry.push("app", "1", images.image());
      const name = `${registry.host}/app:1`;
      const authFile = `${images.box.dir}/auth.json`;
      const none = await images.call(run(name, "true"));
      expect([none.code, none.stderr]).toEqual([
        1,
        `brun: ${registry.host} wants a login for ${name}, or there is no such image; hint: brun login ${registry.host}\n`,
      ]);
      writeFileSync(authFile, JSON.stringify({ auths: { [registry.host]: { auth: btoa("me:secret") } } }));
      host("chmod", "644", authFile);
      expect(await images.ok(run(name, "cat /etc/motd", "--authfile", authFile))).toBe("second\n");
      await images.ok(["image", "remove", name]);
      registry.become({ bearer: { login: "me:secret" } });
      expect(await images.ok(run(name, "cat /etc/motd", "--authfile", authFile))).toBe("second\n");
      writeFileSync(authFile, JSON.stringify({ auths: { [registry.host]: { auth: btoa("me:wrong") } } }));
      await images.ok(["image", "remove", name]);
      const wrong = await images.call(run(name, "true", "--authfile", authFile));
      expect(wrong.stderr).toContain(`${registry.host} refuses your login for ${name}`);
    });

    test("login tries a login and keeps it; logout forgets it", async () => {
      await using images = Images.make(subject, { bearer: { login: "me:secret" } });
      const { registry } = images;
      registry.push("app", "1", images.image());
      const name = `${registry.host}/app:1`;
      const authFile = `${images.data}/auth.json`;
      const env = { REGISTRY_AUTH_FILE: authFile };
      const login = ["login", registry.host, "-u", "me", "--password-stdin"];
      const wrong = await images.call(login, { env, stdin: "wrong\n" });
      expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining("refuses your login")]);
      expect(existsSync(authFile)).toBe(false);
      await images.ok(login, { env, stdin: "secret\n" });
      expect(statSync(authFile).mode & 0o777).toBe(0o600);
      expect(await images.ok(["login", registry.host, "--get-login"], { env })).toBe("me\n");
      expect(await images.ok(run(name, "cat /etc/motd"), { env })).toBe("second\n");
      await images.ok(["logout", registry.host], { env });
      const again = await images.call(["logout", registry.host], { env });
      expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("not logged in")]);
      const nobody = await images.call(["login", registry.host], { env });
      expect(nobody.stderr).toContain("cannot ask who logs in to");
    });

    test("a registry that asks for logins elsewhere gets none", async () => {
      await using images = Images.make(subject);
      using thief = new TestRegistry();
      images.registry.push("app", "1", images.image());
      const authFile = `${images.box.dir}/auth.json`;
      writeFileSync(
        authFile,
        JSON.stringify({ auths: { [images.registry.host]: { auth: btoa("me:secret") } } }),
      );
      host("chmod", "644", authFile);
      const realms = [
        `http://localhost:${thief.host.split(":")[1]}/token`,
        "http://169.254.169.254/latest",
        "https://evil.example/token",
        "file:///etc/passwd",
        "x",
      ];
      for (const realm of realms) {
        images.registry.become({ bearer: { realm } });
        const { code, stderr } = await images.call(
          run(`${images.registry.host}/app:1`, "true", "--authfile", authFile),
        );
        expect([code, stderr]).toEqual([1, expect.stringContaining(`sends logins to "${realm}"`)]);
      }
      images.registry.become({ redirect: "http://169.254.169.254/latest/meta-data" });
      const redirected = await images.call(run(`${images.registry.host}/app:1`, "true"));
      expect(redirected.stderr).toContain("redirects to an address of the machine's own services");
      expect(thief.requests).toEqual([]);
    });

    test("what is not there, and what is damaged: one line, and nothing stays", async () => {
      await using images = Images.make(subject);
      const { registry } = images;
      registry.push("app", "1", images.image());
      registry.push("other", "arm", images.image({ platform: { os: "linux", architecture: "riscv64" } }));
      const { host: at } = registry;
      const line = async (name: string, ...flags: string[]) => {
        const { code, stdout, stderr } = await images.call([
          "run",
          "--image",
          name,
          "-q",
          ...flags,
          "--",
          "true",
        ]);
        expect([code, stdout, stderr.split("\n").length]).toEqual([1, "", 2]);
        return stderr;
      };
      expect(await line(`${at}/nosuch:1`)).toContain(`${at} has no repository nosuch`);
      expect(await line(`${at}/app:2`)).toContain(
        `${at}/app has no image with the tag 2; hint: there are: 1`,
      );
      const digest = `sha256:${"0".repeat(64)}`;
      expect(await line(`${at}/app@${digest}`)).toContain(`has no image with the digest ${digest}`);
      expect(await line(`${at}/other:arm`)).toContain("is for linux/riscv64, and not for linux/");
      expect(await line("App:1")).toContain(
        "it has capital letters; hint: names are in small letters: app:1",
      );
      expect(await line("127.0.0.1:1/app:1")).toContain("127.0.0.1:1 cannot be reached");
      expect(await line(`${at}/app:1`, "--pull", "never")).toContain(`hint: brun image pull ${at}/app:1`);
      expect(await line(`${at}/app:1`, "--platform", "windows/amd64")).toContain(
        "is no platform that brun runs",
      );
      registry.become({ corrupt: true });
      expect(await line(`${at}/app:1`)).toContain("is damaged");
      registry.become({ limited: true });
      expect(await line(`${at}/app:1`)).toContain("name a mirror in registries.conf");
      registry.become({});
      registry.pushDocument("app", "html", new TextEncoder().encode('{"html": true}'));
      expect(await line(`${at}/app:html`)).toContain("is no image");
      registry.pushDocument(
        "app",
        "both",
        new TextEncoder().encode('{"schemaVersion":2,"manifests":[],"layers":[]}'),
      );
      expect(await line(`${at}/app:both`)).toContain("is both an image and an index");
      expect(readdirSync(`${images.store}/partial`).filter((name) => !name.startsWith("sha256-"))).toEqual(
        [],
      );
      expect(await images.ok(["image", "list"])).toBe(
        "NAME        ID          PLATFORM    SIZE        PULLED\n",
      );
    });

    test("what is typed wrongly: one line with what to do", async () => {
      await using images = Images.make(subject);
      const archive = `${images.box.dir}/root.tar`;
      writeFileSync(archive, programLayer(images.box));
      const make = (change: string) => ["image", "import", "-c", change, archive, "me/x"];
      for (const [args, said] of [
        [
          ["image", "pull"],
          '"image pull" requires exactly 1 argument(s); hint: usage: brun image pull [flags] <image>',
        ],
        [
          ["image", "prune", "all"],
          '"image prune" requires exactly 0 argument(s); hint: usage: brun image prune [flags]',
        ],
        [["image", "import", "/nope", "me/x"], "there is no file /nope; hint: a tar archive"],
        [
          make("CMD [sh"),
          '--change CMD: "[sh" is no list of words; hint: CMD ["sh", "-c", "true"], or CMD and a line for the shell',
        ],
        [
          make("CMD [1]"),
          '--change CMD: "[1]" is no list of words; hint: CMD ["sh", "-c", "true"], or CMD and a line for the shell',
        ],
        [
          ["login", "a b", "-u", "me", "-p", "x"],
          '"a b" is no registry; hint: such as docker.io, ghcr.io or HOST:PORT',
        ],
        [
          ["image", "pull", "127.0.0.1:1/x"],
          "127.0.0.1:1/x:latest: 127.0.0.1:1 cannot be reached; hint: does it run, and is there a network? HTTPS_PROXY names a proxy",
        ],
      ] as const) {
        const { code, stderr } = await images.call(args);
        expect([code, stderr]).toEqual([1, `brun: ${said}\n`]);
      }
    });

    test("list, inspect, remove, prune", async () => {
      await using images = Images.make(subject);
      images.registry.push("app", "1", images.image());
      const name = `${images.registry.host}/app:1`;
      const digest = (await images.ok(["image", "pull", "-q", name])).trim();
      expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
      const id = digest.slice(7, 19);
      expect(await images.ok(["image", "list", "-q"])).toBe(`${id}\n`);
      expect(await images.ok(["image", "list", "--names"])).toBe(`${name}\n`);
      const [inspected] = JSON.parse(await images.ok(["image", "inspect", id]));
      expect([inspected.name, inspected.manifest, inspected.layers.length]).toEqual([name, digest, 3]);
      const container = images.box.name();
      await images.ok(["run", "--image", name, "-d", "--name", container, "--", "sleep", "1000"]);
      const inUse = await images.call(["image", "remove", name]);
      expect([inUse.code, inUse.stderr]).toEqual([
        1,
        expect.stringContaining(`is in use by the container ${container}`),
      ]);
      await images.ok(["image", "prune", "--all"]);
      expect(await images.ok(["exec", container, "cat", "/etc/motd"])).toBe("second\n");
      const spare = "me/spare:1";
      await images.ok(["image", "commit", container, spare]);
      // The container's image has lost its name to another one.
      images.registry.push("app", "1", imageOf([programLayer(images.box)]));
      await images.ok(["image", "pull", "-q", name]);
      expect(await images.ok(["image", "remove", "--force", spare])).toBe(`docker.io/${spare}\n`);
      expect(await images.ok(["exec", container, "cat", "/etc/motd"])).toBe("second\n");
      await images.ok(["delete", "--force", container]);
      const now = (await images.ok(["image", "list", "-q"])).trim();
      expect(now).not.toBe(id);
      expect(await images.ok(["image", "remove", now])).toBe(`${name}\n`);
      expect(await images.ok(["image", "list", "-q"])).toBe("");
      expect(readdirSync(`${images.store}/layers`)).toEqual([]);
    });

    test("commit: what a running container has changed becomes an image", async () => {
      await using images = Images.make(subject);
      images.registry.push("app", "1", images.image({ config: { Env: ["A=1"], Cmd: ["cat", "/etc/motd"] } }));
      const name = `${images.registry.host}/app:1`;
      const id = images.box.name();
      const script =
        "echo third >/etc/motd; rm -r /opt/all; mkdir -p /opt/new/dir; echo x >/opt/new/dir/file; ln -s dir /opt/new/link; " +
        "chmod 4711 /opt/name; chown 33:33 /opt/new; touch /ready; exec sleep 1000";
      await images.ok(["run", "--image", name, "-d", "--name", id, "--", "sh", "-c", script]);
      await until(
        "it has changed all",
        async () => (await images.call(["exec", id, "ls", "/ready"])).code === 0,
      );
      await images.ok(["image", "commit", "-c", "ENV B=2", id, "me/changed:2"]);
      const look =
        "cat /etc/motd; ls /opt; stat -c '%a %u' /opt/name /opt/new; readlink /opt/new/link; cat /opt/new/link/file; echo $A $B";
      const expected = "third\nname\nnew\nof-lower\nother-name\n4711 0\n755 33\ndir\nx\n1 2\n";
      expect(await images.ok(run("me/changed:2", look))).toBe(expected);
      expect(await images.ok(["run", "me/changed:2"])).toBe("third\n");
      expect(await images.ok(run(name, "cat /etc/motd; ls /opt/all"))).toBe("second\nthree\n");
      await images.ok(["delete", "--force", id]);
      const gone = await images.call(["image", "commit", id, "me/other"]);
      expect([gone.code, gone.stderr]).toEqual([
        1,
        expect.stringContaining(`container ${id} does not exist`),
      ]);
    });

    test("commit: a container keeps its image, whatever its name leads to, and however the store is reached", async () => {
      await using images = Images.make(subject);
      const { box, registry } = images;
      const layers = [programLayer(box), [{ path: "etc/motd", data: "first\n" }]];
      const name = `${registry.host}/app:1`;
      registry.push("app", "1", imageOf(layers, { config: { Env: ["A=1"] } }));
      registry.push("other", "1", imageOf(layers, { config: { Env: ["A=other"] } }));
      // Another image has the same files.
      await images.ok(["image", "pull", "-q", `${registry.host}/other:1`]);
      const id = box.name();
      // The state directory of another session.
      const globals = ["--root", `${box.dir}/run/brun`];
      await images.ok(["run", "--image", name, "-d", "--name", id, "--", "sleep", "1000"], { globals });
      registry.push("app", "1", imageOf([programLayer(box)]));
      await images.ok(["image", "pull", "-q", name]);
      const link = `${box.dir}/link`;
      symlinkSync(images.data, link);
      for (const env of [{}, { HOME: link }]) {
        await images.ok(["image", "prune", "--all"], { env });
        expect(await images.ok(["image", "list", "-q"])).toBe("");
        await images.ok(["image", "commit", id, "me/new:1"], { env, globals });
        expect(await images.ok(run("me/new:1", "cat /etc/motd; echo $A"))).toBe("first\n1\n");
      }
      await images.ok(["delete", "--force", id], { globals });
      await images.ok(["image", "prune", "--all"]);
      for (const kind of ["layers", "views", "blobs/sha256"])
        expect([kind, readdirSync(`${images.store}/${kind}`)]).toEqual([kind, []]);
    });

    test("import an archive; unpack an image into a directory of one's own", async () => {
      await using images = Images.make(subject);
      const archive = `${images.box.dir}/root.tar`;
      writeFileSync(archive, programLayer(images.box));
      host("chmod", "644", archive);
      const digest = await images.ok([
        "image",
        "import",
        "-c",
        'CMD ["echo", "imported"]',
        archive,
        "me/imported",
      ]);
      expect(digest).toMatch(/^sha256:/);
      expect(await images.ok(["run", "--image", "me/imported"])).toBe("imported\n");
      const damaged = await images.call(["image", "import", "/bin/sh", "me/damaged"]);
      expect([damaged.code, damaged.stderr]).toEqual([
        1,
        expect.stringContaining("/bin/sh: it is no sound tar archive"),
      ]);
      images.registry.push("app", "1", images.image());
      const directory = `${images.data}/own`;
      await images.ok(["image", "unpack", "-q", `${images.registry.host}/app:1`, directory]);
      const writable = ["run", "--rootfs", directory, "--writable", "--", "sh", "-c"];
      expect(
        await images.ok([...writable, "cat /etc/motd; stat -c %u /srv/of-www; echo own >/etc/motd"]),
      ).toBe("second\n33\n");
      expect(await images.ok([...writable, "cat /etc/motd"])).toBe("own\n");
      expect(await images.ok(run(`${images.registry.host}/app:1`, "cat /etc/motd"))).toBe("second\n");
      const again = await images.call(["image", "unpack", "-q", `${images.registry.host}/app:1`, directory]);
      expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("is not empty")]);
    });

    test("from TypeScript", async () => {
      await using images = Images.make(subject);
      images.registry.push("app", "1", images.image());
      const name = `${images.registry.host}/app:1`;
      const [source, program] = ["ts", "js"].map((kind) => `${images.box.dir}/program.${kind}`);
      writeFileSync(
        source!,
        `import { images, pull, run } from "${ROOT}/src/index.ts";
const digest = await pull(process.argv[2]);
const [{ name, manifest }] = await images();
const { stdout } = await run({ image: process.argv[2], args: ["cat", "/etc/motd"] }).output();
const code = await pull("127.0.0.1:1/x").catch((error) => error.code);
console.log(JSON.stringify([digest === manifest, name, stdout, code]));`,
      );
      // With all that it imports: the checkout may be where the caller cannot read it.
      host(process.execPath, "build", source!, "--target=bun", "--outfile", program!);
      host("chmod", "644", program!);
      const env = {
        ...process.env,
        BRUN: brunPath(),
        HOME: images.data,
        XDG_RUNTIME_DIR: images.data,
      };
      const child = Bun.spawn([...caller.prefix, bunPath(), program!, name], {
        cwd: images.box.dir,
        env,
        stderr: "pipe",
      });
      const [out, err] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
      ]);
      expect([JSON.parse(out || "null"), err]).toEqual([[true, name, "second\n", "ERR_NETWORK"], ""]);
    });

    test("killed at any point: the next call succeeds, and downloads little again", async () => {
      await using images = Images.make(subject);
      const { registry, box } = images;
      registry.push("app", "1", images.image({ packing: "none" }));
      const name = `${registry.host}/app:1`;
      for (let i = 0; i < POINTS; i++) {
        const pulling = box.spawn(["image", "pull", "-q", name], {
          env: { HOME: images.data },
        });
        await Bun.sleep(5 + Math.random() * 400);
        pulling.kill("SIGKILL");
        await pulling.done;
      }
      const before = registry.blobBytes;
      expect(await images.ok(run(name, "cat /etc/motd; ls /opt/all"))).toBe("second\nthree\n");
      const size = images
        .image({ packing: "none" })
        .blobs.values()
        .reduce((sum, bytes) => sum + bytes.length, 0);
      expect(registry.blobBytes - before).toBeLessThanOrEqual(size);
      expect(before).toBeLessThanOrEqual(size + POINTS * (1 << 20));
      await images.ok(["image", "prune"]);
      const left = () => readdirSync(`${images.store}/partial`);
      await until("what was killed is removed", () => left().length === 0);
    });

    // A user's process is started by the stage, which needs the call as well.
    if (caller.uid === 0) {
      test("a request that cannot be sent to the process that unpacks ends the pull", async () => {
        await using images = Images.make(subject);
        const { box } = images;
        writeLayout(`${box.dir}/layout`, { a: images.image() });
        const argv = box.argv(["image", "pull", "-q", `oci:${box.dir}/layout:a`]);
        argv.splice(caller.prefix.length, 0, ...without(refusing(["sendmsg"], EPERM)));
        const env = { ...box.env, HOME: images.data };
        const { exitCode, stderr } = Bun.spawnSync(argv, { env, stderr: "pipe", timeout: 30_000 });
        expect([exitCode, stderr.toString()]).toEqual([1, expect.stringContaining("send a file descriptor")]);
      });
    }

    test("prune takes nothing from a pull that is under way", async () => {
      await using images = Images.make(subject);
      images.registry.push("app", "1", images.image());
      const name = `${images.registry.host}/app:1`;
      let pulling = true;
      const pruning = (async () => {
        while (pulling) await images.ok(["image", "prune"]);
      })();
      for (let i = 0; i < 5; i++) {
        await images.ok(["image", "pull", "-q", name]);
        expect(await images.ok(run(name, "cat /etc/motd", "--pull", "never"))).toBe("second\n");
        await images.ok(["image", "remove", name]);
      }
      pulling = false;
      await pruning;
    });

    test("eight runs at once download it once", async () => {
      await using images = Images.make(subject);
      images.registry.push("app", "1", images.image());
      const name = `${images.registry.host}/app:1`;
      const outs = await Promise.all(Array.from({ length: 8 }, () => images.ok(run(name, "cat /etc/motd"))));
      expect(outs).toEqual(Array(8).fill("second\n"));
      const blobs = images.registry.requests
        .filter(({ path }) => path.includes("/blobs/"))
        .map(({ path }) => path);
      const layers = blobs.filter((path) => images.image().layers.some((digest) => path.endsWith(digest)));
      expect(layers.length).toBe(3);
    });
  });
}
