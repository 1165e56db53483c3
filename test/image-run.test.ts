/** `run --image` as people use it: when a registry is asked, what the image says, and what it has of a network. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { imageOf } from "../src/image/testing/image.ts";
import { Images, programLayer, run } from "./support/images.ts";
import { until } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";
import { TerminalSession } from "./support/terminal.ts";
import { brunPath } from "./support/workspace.ts";

const ESCAPES = /\x1b\[\d*[A-Za-z]/g;

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  describe(subject.label, () => {
    const requests = (images: Images) =>
      images.registry.requests
        .splice(0)
        .map(({ method, path }) => `${method} ${path.replace(/^\/v2\/?/, "")}`);

    test("--pull: missing asks nobody, newer compares digests, always asks for all, never gets nothing", async () => {
      await using images = Images.make(subject);
      const { registry } = images;
      registry.push("app", "1", images.image());
      const name = `${registry.host}/app:1`;
      const motd = (...flags: string[]) => images.ok(run(name, "cat /etc/motd", ...flags));
      const never = await images.call(run(name, "true", "--pull", "never"));
      expect([never.code, never.stderr]).toEqual([
        1,
        expect.stringContaining(`hint: brun image pull ${name}`),
      ]);
      expect(requests(images)).toEqual([]);
      await motd();
      expect(requests(images).filter((one) => one.startsWith("GET app/manifests"))).toEqual([
        "GET app/manifests/1",
      ]);
      expect(await motd()).toBe("second\n");
      expect(await motd("--pull=missing")).toBe("second\n");
      expect(requests(images)).toEqual([]);
      // Nothing is newer: one question, and no answer of any size.
      expect(await motd("--pull=newer")).toBe("second\n");
      expect(requests(images).filter((one) => one !== "GET ")).toEqual(["HEAD app/manifests/1"]);
      const next = [programLayer(images.box), [{ path: "etc/motd", data: "newer\n" }]];
      registry.push("app", "1", imageOf(next));
      expect(await motd()).toBe("second\n");
      expect(await motd("--pull=newer")).toBe("newer\n");
      // The programs are there already: manifest, config and the one layer that is new.
      expect(requests(images).filter((one) => one.includes("/blobs/")).length).toBe(2);
      expect(await motd("--pull=newer")).toBe("newer\n");
      expect(requests(images).filter((one) => one !== "GET ")).toEqual(["HEAD app/manifests/1"]);
      expect(await motd("--pull=always")).toBe("newer\n");
      expect(requests(images)).toContain("GET app/manifests/1");
      expect(await images.ok(["image", "pull", "-q", "--policy", "newer", name])).toMatch(/^sha256:/);
      expect(requests(images)).not.toContain("GET app/manifests/1");
    });

    test("--platform: by architecture and variant, each kept under the one name", async () => {
      await using images = Images.make(subject);
      const { registry } = images;
      const platforms = [
        ["arm", "v6"],
        ["arm", "v7"],
        ["arm64", "v8"],
        ["amd64", undefined],
        ["386", undefined],
      ] as const;
      const parts = platforms.map(([architecture, variant]) =>
        imageOf([[{ path: "what", data: `${architecture}${variant ?? ""}` }]], {
          platform: { os: "linux", architecture, ...(variant && { variant }) },
        }),
      );
      const index = {
        schemaVersion: 2,
        manifests: parts.map((part, i) => ({
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          digest: part.manifest,
          size: part.blobs.get(part.manifest)!.length,
          platform: {
            os: "linux",
            architecture: platforms[i]![0],
            ...(platforms[i]![1] && { variant: platforms[i]![1] }),
          },
        })),
      };
      registry.pushDocument("app", "1", new TextEncoder().encode(JSON.stringify(index)), parts);
      const name = `${registry.host}/app:1`;
      const wanted = {
        "linux/arm/v7": "armv7",
        "linux/arm/v6": "armv6",
        "linux/arm": "armv7",
        armhf: "armv7",
        "linux/arm/v8": "armv7",
        "linux/arm64": "arm64v8",
        aarch64: "arm64v8",
        "linux/arm64/v8": "arm64v8",
        "linux/amd64": "amd64",
        "linux/amd64/v3": "amd64",
        x86_64: "amd64",
        i386: "386",
      };
      for (const [platform, what] of Object.entries(wanted)) {
        const directory = `${images.data}/${platform.replaceAll("/", "-")}`;
        await images.ok(["image", "unpack", "-q", "--platform", platform, name, directory]);
        expect([platform, readFileSync(`${directory}/what`, "utf8")]).toEqual([platform, what]);
      }
      const none = await images.call(["image", "pull", "-q", "--platform", "linux/s390x", name]);
      expect(none.stderr).toContain(
        "hint: there are: linux/386, linux/amd64, linux/arm/v6, linux/arm/v7, linux/arm64",
      );
      const rows = (await images.ok(["image", "list"])).trim().split("\n").slice(1);
      expect(rows.length).toBe(platforms.length);
    });

    test("what the image says: user with its groups, stop signal, volumes; explain, exec, stats, create --image", async () => {
      await using images = Images.make(subject);
      const { registry } = images;
      const users = [
        { path: "etc/passwd", data: "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/srv:/bin/sh\n" },
        { path: "etc/group", data: "root:x:0:\nweb:x:33:\nmail:x:8:web\nadm:x:4:web,root\n" },
        { path: "data/", type: "5", mode: 0o777 },
        { path: "data/seed", data: "seed" },
      ];
      const config = {
        User: "web",
        StopSignal: "SIGUSR1",
        Volumes: { "/data": {} },
        Cmd: [
          "sh",
          "-c",
          "trap 'echo usr1 >/proc/1/fd/1; exit 7' USR1; echo ready; while :; do sleep 0.1; done",
        ],
      };
      registry.push("app", "1", imageOf([programLayer(images.box), users], { config }));
      const name = `${registry.host}/app:1`;
      const script = "id -u; id -g; id -G; echo $HOME; pwd";
      expect(await images.ok(run(name, script))).toBe("33\n33\n33 4 8\n/srv\n/\n");
      expect(await images.ok(run(name, script, "-u", "root"))).toBe("0\n0\n0 4\n/root\n/\n");
      expect(await images.ok(run(name, "id -G", "-u", "33:8"))).toBe("8\n");
      // A volume of a read-only root begins with what the image has there, and can be written to.
      expect(
        await images.ok(run(name, "echo more >/data/file && cat /data/seed /data/file", "--read-only")),
      ).toBe("seedmore\n");
      const id = images.box.name();
      await images.ok(["run", "-d", "--name", id, "--image", name]);
      await until("it is ready", async () => (await images.call(["logs", id])).stdout.includes("ready"));
      expect(await images.ok(["exec", "-u", "web", id, "id", "-u"])).toBe("33\n");
      expect(await images.ok(["exec", id, "cat", "/data/seed"])).toBe("seed");
      expect((await images.call(["stats", "--no-stream", id])).stdout).toContain(id);
      await images.ok(["stop", id]);
      expect([await images.ok(["wait", id]), await images.ok(["logs", id])]).toEqual([
        "7\n",
        "ready\nusr1\n",
      ]);
      const made = images.box.name();
      expect(await images.ok(["create", "--image", name, "--name", made, "--", "id", "-u"])).toBe(
        `${made}\n`,
      );
      expect(JSON.parse(await images.ok(["state", made])).status).toBe("created");
      await images.ok(["start", made]);
      expect([await images.ok(["wait", made]), await images.ok(["logs", made])]).toEqual(["0\n", "33\n"]);
      for (const container of [id, made]) await images.ok(["rm", container]);
      expect(await images.ok(["explain", "--image", name])).toContain(
        "set the supplementary groups to [33,8,4]",
      );
      expect((await images.call(["explain", "--image", `${registry.host}/other:1`])).stderr).toContain(
        "brun image pull",
      );
    });

    test("names: localhost is found, resolv.conf is the host's with its network, proxies are passed on", async () => {
      await using images = Images.make(subject);
      images.registry.push("app", "1", images.image());
      const name = `${images.registry.host}/app:1`;
      const env = {
        http_proxy: "http://proxy:3128",
        HTTPS_PROXY: "http://me:secret@proxy:3128",
        no_proxy: "localhost",
      };
      const cat = "cat /etc/hosts; env | grep -i proxy | sort";
      const none = await images.ok(run(name, cat), { env });
      expect(none).toBe("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n");
      const shared = await images.ok(run(name, cat, "--network", "host"), { env });
      expect(shared).toBe(
        `${readFileSync("/etc/hosts", "utf8")}http_proxy=http://proxy:3128\nno_proxy=localhost\n`,
      );
      const resolv = await images.ok(run(name, "cat /etc/resolv.conf", "--network", "host"));
      expect(resolv).toBe(readFileSync("/etc/resolv.conf", "utf8"));
      expect(await images.ok(run(name, "cat /etc/hosts", "--read-only", "-u", "33"))).toBe(none);
    });

    test("brun run NAME: flags, two dashes, and what the image does not have", async () => {
      await using images = Images.make(subject);
      images.registry.push("app", "1", images.image({ config: { Cmd: ["nosuch"] } }));
      const name = `${images.registry.host}/app:1`;
      for (const words of [["cat"], ["--", "cat"]])
        expect(await images.ok(["run", "-q", "-e", "A=1", name, ...words, "/etc/motd"])).toBe("second\n");
      const id = images.box.name();
      const script = "echo started; exec sleep 1000";
      expect(await images.ok(["run", "-d", "--name", id, name, "sh", "-c", script])).toBe(`${id}\n`);
      expect(await images.ok(["exec", id, "cat", "/etc/motd"])).toBe("second\n");
      await until("its output", async () => (await images.ok(["logs", id])) === "started\n");
      await images.ok(["delete", "--force", id]);
      const error = async (...words: string[]) => {
        const { code, stderr } = await images.call(["run", "-q", ...words]);
        expect([code, stderr.split("\n").length]).toEqual([127, 2]);
        return stderr;
      };
      expect(await error(name, "other")).toBe(
        `brun: ${name}: exec: "other": executable file not found in $PATH; hint: name one that the image has\n`,
      );
      expect(await error("--image", name)).toBe(
        `brun: ${name}: exec: "nosuch": executable file not found in $PATH; hint: it is what starts where no program is named behind --\n`,
      );
    });

    test("Ctrl-C ends a pull at once; the next one goes on where it stood", async () => {
      await using images = Images.make(subject, { slow: 20 });
      const { registry, box, store } = images;
      const image = images.image({ packing: "none" });
      registry.push("app", "1", image);
      const name = `${registry.host}/app:1`;
      const partial = () =>
        existsSync(`${store}/partial`)
          ? readdirSync(`${store}/partial`)
              .filter((file) => file.startsWith("sha256-"))
              .reduce((sum, file) => sum + statSync(`${store}/partial/${file}`).size, 0)
          : 0;
      const pulling = box.spawn(["image", "pull", "-q", name], { env: { HOME: images.data } });
      await until("something has come", () => partial() > 100_000);
      pulling.kill("SIGINT");
      const { signal } = await pulling.done;
      expect(signal).toBe("SIGINT");
      expect(await images.ok(["image", "list", "-q"])).toBe("");
      const have = partial();
      expect(have).toBeGreaterThan(100_000);
      registry.become({});
      const before = registry.blobBytes;
      expect(await images.ok(run(name, "cat /etc/motd"))).toBe("second\n");
      const size = image.layers.reduce((sum, digest) => sum + image.blobs.get(digest)!.length, 0);
      // The config, and what was missing of the layers.
      expect(registry.blobBytes - before).toBeLessThan(size - have + 5000);
      expect(partial()).toBe(0);
    });

    for (const columns of [80, 40]) {
      test(`the progress of a pull on a terminal of ${columns} columns`, async () => {
        await using images = Images.make(subject, { slow: 2 });
        images.registry.push("team/app", "1", images.image({ packing: "none" }));
        const name = `${images.registry.host}/team/app:1`;
        const argv = [...caller.prefix, brunPath(), "--root", images.box.state, "image", "pull", name];
        const env = { ...images.box.env, HOME: images.data };
        await using session = new TerminalSession(argv, env, images.box.dir, columns);
        expect(await session.exited).toBe(0);
        const seen = session.text();
        const lines = seen.split(/[\r\n]+/).map((line) => line.replace(ESCAPES, ""));
        const [first, ...pictures] = lines.filter((line) => line !== "" && !line.startsWith("sha256:"));
        expect(first).toStartWith(`pulling ${name} (3 layers, `);
        // No line is wrapped, which would leave it behind when the picture is drawn anew.
        expect(pictures.filter((line) => line.length >= columns)).toEqual([]);
        const moving =
          columns === 80 ? / downloading {2}\[#*-+\] {2}[\d.]+ [kM]?B of / : / downloading {2}\d+ %$/;
        expect(pictures.some((line) => moving.test(line))).toBe(true);
        expect(
          pictures.some((line) => /^[\d.]+ [kM]?B of [\d.]+ MB, [\d.]+ [kM]?B\/s, \d+ s/.test(line)),
        ).toBe(true);
        expect(pictures.filter((line) => /^[0-9a-f]{12} {2}done /.test(line)).length).toBeGreaterThanOrEqual(
          3,
        );
        expect(seen).toMatch(/sha256:[0-9a-f]{64}/);
      });
    }
  });
}
