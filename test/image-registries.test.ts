/** Where images are looked for: registries.conf with its mirrors, locations, aliases, and whom a login is sent to. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { host } from "./support/caller.ts";
import { Images, run } from "./support/images.ts";
import { TestRegistry } from "./support/registry.ts";
import { subjects } from "./support/runtime.ts";

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  /** Writes a file below the caller's home. */
  const write = (images: Images, path: string, text: string) => {
    const full = `${images.data}/${path}`;
    mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
    writeFileSync(full, text);
    host("chown", "-R", `${caller.uid}:${caller.gid}`, `${images.data}/${path.split("/")[0]}`);
  };
  const conf = (images: Images, text: string) => write(images, ".config/containers/registries.conf", text);

  describe(subject.label, () => {
    test("aliases and search: the caller's own file takes the place of the machine's; an empty alias is none", async () => {
      await using images = Images.make(subject);
      const { registry } = images;
      registry.push("team/app", "1", images.image());
      registry.push("other", "1", images.image());
      conf(
        images,
        `unqualified-search-registries = ["127.0.0.1:1", "${registry.host}"]\n[aliases]\nshort = "${registry.host}/team/app"\nother = "127.0.0.1:1/x"\n`,
      );
      write(images, ".config/containers/registries.conf.d/10.conf", '[aliases]\nother = ""\n');
      write(
        images,
        ".config/containers/registries.conf.d/20.conf",
        `unqualified-search-registries = ["${registry.host}"]\n`,
      );
      for (const [name, whole] of [
        ["short:1", "team/app:1"],
        ["other:1", "other:1"],
        ["team/app:1", "team/app:1"],
      ]) {
        expect(await images.ok(run(name!, "cat /etc/motd"))).toBe("second\n");
        expect(await images.ok(["image", "list", "--names"])).toContain(`${registry.host}/${whole}\n`);
      }
    });

    test("a mirror that is not there, one without the image, one with it; no registry is asked for a stored image", async () => {
      await using images = Images.make(subject);
      const { registry } = images;
      using empty = new TestRegistry();
      registry.push("hub/library/app", "1", images.image());
      const mirrors = ["127.0.0.1:1/hub", `${empty.host}/hub`, `${registry.host}/hub`]
        .map((location) => `[[registry.mirror]]\nlocation = "${location}"\n`)
        .join("");
      conf(images, `[[registry]]\nlocation = "docker.io"\n${mirrors}`);
      expect(await images.ok(run("docker.io/app:1", "cat /etc/motd"))).toBe("second\n");
      expect(await images.ok(["image", "list", "--names"])).toBe("docker.io/library/app:1\n");
      expect(empty.requests.length).toBeGreaterThan(0);
      const asked = registry.requests.length;
      expect(await images.ok(run("app:1", "cat /etc/motd"))).toBe("second\n");
      expect(registry.requests.length).toBe(asked);
    });

    test("a login goes to whom it is for, not to where an entry leads", async () => {
      await using images = Images.make(subject, { basic: "mine:secret" });
      const { registry } = images;
      registry.push("moved/app", "1", images.image());
      const name = "example.com/team/app:1";
      conf(images, `[[registry]]\nprefix = "example.com/team"\nlocation = "${registry.host}/moved"\n`);
      const logins = (login: Record<string, string>) => {
        const auths = Object.entries(login).map(([key, value]) => [key, { auth: btoa(value) }]);
        write(images, "auth.json", JSON.stringify({ auths: Object.fromEntries(auths) }));
        return ["--authfile", `${images.data}/auth.json`];
      };
      const seen = () =>
        registry.requests.splice(0).flatMap(({ headers }) => headers.get("authorization") ?? []);
      const other = await images.call(run(name, "true", ...logins({ "example.com": "theirs:password" })));
      expect([other.code, other.stderr]).toEqual([
        1,
        expect.stringContaining(`${registry.host} wants a login for ${name}`),
      ]);
      expect(seen()).toEqual([]);
      const both = logins({ "example.com": "theirs:password", [`${registry.host}/moved`]: "mine:secret" });
      expect(await images.ok(run(name, "cat /etc/motd", ...both))).toBe("second\n");
      expect(new Set(seen())).toEqual(new Set([`Basic ${btoa("mine:secret")}`]));
    });

    test("blocked, damaged, and a file that the environment names", async () => {
      await using images = Images.make(subject);
      images.registry.push("app", "1", images.image());
      const line = async (name: string, text: string) => {
        write(images, "given.conf", text);
        const env = { CONTAINERS_REGISTRIES_CONF: `${images.data}/given.conf` };
        const { code, stderr } = await images.call(run(name, "true", "-q"), { env });
        expect([code, stderr.split("\n").length]).toEqual([1, 2]);
        return stderr;
      };
      expect(
        await line("example.com/app", '[[registry]]\nlocation = "example.com"\nblocked = true\n'),
      ).toContain("example.com is blocked by registries.conf");
      expect(await line("app", "[[registry")).toContain("given.conf is no TOML");
      expect(
        await line("example.com/app", '[[registry]]\nprefix = "example.com/app"\nlocation = "b"\n'),
      ).toContain('registries.conf has "b" for example.com/app, which is no repository');
    });

    test("a digest is the image's, whatever tag it was pulled by", async () => {
      await using images = Images.make(subject);
      const { registry } = images;
      registry.push("app", "1", images.image());
      const name = `${registry.host}/app`;
      const digest = (await images.ok(["image", "pull", "-q", `${name}:1`])).trim();
      const asked = registry.requests.length;
      for (const one of [`${name}@${digest}`, `${name}:1@${digest}`, `${name}:2@${digest}`])
        expect(await images.ok(run(one, "cat /etc/motd"))).toBe("second\n");
      expect(JSON.parse(await images.ok(["image", "inspect", `${name}@${digest}`]))[0].name).toBe(
        `${name}:1`,
      );
      expect(registry.requests.length).toBe(asked);
      const elsewhere = await images.call(run(`${registry.host}/other@${digest}`, "true", "-q"));
      expect([elsewhere.code, elsewhere.stderr]).toEqual([
        1,
        expect.stringContaining("has no repository other"),
      ]);
    });

    test("--pull newer: the stored image is used if the registry fails", async () => {
      await using images = Images.make(subject);
      const { registry } = images;
      registry.push("app", "1", images.image());
      const name = `${registry.host}/app:1`;
      const newer = run(name, "cat /etc/motd", "--pull", "newer");
      await images.ok(["image", "pull", "-q", name]);
      registry.become({ basic: "me:secret" });
      const { code, stdout, stderr } = await images.call(newer);
      expect([code, stdout, stderr]).toEqual([
        0,
        "second\n",
        expect.stringMatching(
          new RegExp(`^brun: warning: the stored image ${name} is used: .* wants a login.*\n$`),
        ),
      ]);
      registry[Symbol.dispose]();
      expect((await images.call(newer)).stdout).toBe("second\n");
      expect((await images.call(run(name, "true", "-q", "--pull", "always"))).code).toBe(1);
      expect(await images.ok(run(name, "cat /etc/motd"))).toBe("second\n");
    });
  });
}
