/** Logins to registries: credential helpers of docker and podman, --creds, and logins that are there already. */
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { ownedDir } from "./support/caller.ts";
import { Images } from "./support/images.ts";
import { subjects } from "./support/runtime.ts";

/** Keeps logins as files, by the protocol of docker-credential-helpers. It also warns on stderr, as some do. */
const HELPER = `#!/bin/sh
echo "warning: it is deprecated" >&2
[ -z "$HELPER_FAILS" ] || { echo "the keyring is locked"; exit 1; }
input=$(cat)
case $1 in
  store) server=$(printf %s "$input" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/'); file=$(printf %s "$server" | tr / _)
    printf %s "$input" >"$HOME/kept-$file" ;;
  get) file=$HOME/kept-$(printf %s "$input" | tr / _)
    [ -e "$file" ] || { echo "credentials not found in native keychain"; exit 1; }
    cat "$file" ;;
  erase) rm "$HOME/kept-$(printf %s "$input" | tr / _)" ;;
esac
`;

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  /** The environment for a helper in PATH and an own file of logins. */
  function withHelper(images: Images, file: object) {
    const bin = ownedDir(caller, `${images.box.dir}/bin`);
    writeFileSync(`${bin}/docker-credential-kept`, HELPER);
    chmodSync(`${bin}/docker-credential-kept`, 0o755);
    const authFile = images.box.file("data/auth.json", JSON.stringify(file), 0o600);
    const env = { PATH: `${bin}:${images.box.env.PATH ?? "/usr/bin:/bin"}`, REGISTRY_AUTH_FILE: authFile };
    return { env, authFile };
  }

  describe(subject.label, () => {
    for (const kind of ["credHelpers", "credsStore"] as const) {
      test(`${kind}: the helper keeps the login, pulls by it, and forgets it`, async () => {
        await using images = Images.make(subject, { basic: "me:secret" });
        const { registry, data } = images;
        registry.push("app", "1", images.image());
        const name = `${registry.host}/app:1`;
        const config = { [kind]: kind === "credHelpers" ? { [registry.host]: "kept" } : "kept", other: 1 };
        const { env, authFile } = withHelper(images, config);
        const kept = `${data}/kept-${registry.host}`;
        const login = ["login", registry.host, "-u", "me", "--password-stdin"];
        expect(await images.ok(login, { env, stdin: "secret\n" })).toBe(
          `logged in to ${registry.host}, which docker-credential-kept remembers\n`,
        );
        expect(JSON.parse(readFileSync(kept, "utf8"))).toEqual({
          ServerURL: registry.host,
          Username: "me",
          Secret: "secret",
        });
        // The file names the login without the password, as docker's.
        expect(JSON.parse(readFileSync(authFile, "utf8"))).toEqual({
          ...config,
          auths: { [registry.host]: {} },
        });
        const pulled = await images.call(["image", "pull", "-q", name], { env });
        expect([pulled.code, pulled.stderr]).toEqual([0, "warning: it is deprecated\n"]);
        expect(await images.ok(["login", "--get-login", registry.host], { env })).toBe("me\n");
        expect(await images.ok(["login", registry.host], { env })).toBe(
          `logged in to ${registry.host} already, as me\n`,
        );
        expect(await images.ok(["logout", registry.host], { env })).toBe(`logged out of ${registry.host}\n`);
        expect(existsSync(kept)).toBe(false);
        expect(JSON.parse(readFileSync(authFile, "utf8"))).toEqual({ ...config, auths: {} });
        const again = await images.call(["logout", registry.host], { env });
        expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("not logged in to")]);
        await images.ok(login, { env, stdin: "secret\n" });
        expect(await images.ok(["logout", "--all"], { env })).toBe("all logins are forgotten\n");
        expect(existsSync(kept)).toBe(false);
      });
    }

    test("a helper that fails, is missing, or prints something else; docker.io by its two names", async () => {
      await using images = Images.make(subject, { basic: "me:secret" });
      const { registry, box, data } = images;
      const name = `${registry.host}/app:1`;
      const { env, authFile } = withHelper(images, { credHelpers: { [registry.host]: "kept" } });
      const line = async (more: Record<string, string> = {}) => {
        const { code, stderr } = await images.call(["image", "pull", "-q", name], {
          env: { ...env, ...more },
        });
        expect(code).toBe(1);
        return stderr.replace("warning: it is deprecated\n", "");
      };
      expect(await line({ HELPER_FAILS: "1" })).toBe(
        `brun: docker-credential-kept failed: the keyring is locked; hint: it keeps the login of ${registry.host}\n`,
      );
      box.file(`data/kept-${registry.host}`, "null");
      expect(await line()).toBe("brun: docker-credential-kept printed no user name and secret\n");
      writeFileSync(authFile, JSON.stringify({ credHelpers: { [registry.host]: "nosuch" } }));
      expect(await line()).toContain("docker-credential-nosuch is not found, which keeps the login of");
      for (const server of ["docker.io", "https://index.docker.io/v1/"]) {
        writeFileSync(authFile, JSON.stringify({ credHelpers: { [server]: "kept" } }));
        const login = { ServerURL: server, Username: `of ${server}`, Secret: "x" };
        writeFileSync(`${data}/kept-${server.replaceAll("/", "_")}`, JSON.stringify(login));
        expect(await images.ok(["login", "--get-login"], { env })).toBe(`of ${server}\n`);
      }
    });

    test("--creds: for this command and this registry alone", async () => {
      await using images = Images.make(subject, { basic: "me:secret" });
      const { registry, box } = images;
      registry.push("app", "1", images.image());
      const name = `${registry.host}/app:1`;
      const refused = await images.call(["image", "pull", "-q", "--creds", "me:wrong", name]);
      expect(refused.stderr).toContain(`${registry.host} refuses your login for ${name}`);
      await images.ok(["image", "pull", "-q", "--creds", "me:secret", name]);
      const to = `${registry.host}/other:1`;
      await images.ok(["image", "push", "-q", "--creds", "me:secret", name, to]);
      const none = await images.call(["image", "pull", "-q", to]);
      expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("wants a login")]);
      const asked = await images.call(["image", "pull", "-q", "--creds", "me", name]);
      expect(asked.stderr).toContain("there is no terminal; hint: --creds USER:PASSWORD");
      const stdin = ["image", "pull", "-q", "--creds", "me", "--password-stdin", name];
      await images.ok(stdin, { stdin: "secret\n" });
      const both = await images.call([...stdin, "--creds", "me:secret"]);
      expect(both.stderr).toBe(
        "brun: --password-stdin: it goes with --creds USER, without a password there\n",
      );
      const empty = await images.call(["image", "pull", "-q", "--creds", ":x", name]);
      expect(empty.stderr).toBe(
        "brun: --creds: there is no user name in it; hint: --creds USER:PASSWORD, or brun login\n",
      );
      const conf = box.file("short.conf", 'unqualified-search-registries = ["a.test", "b.test"]\n');
      const short = await images.call(["image", "pull", "--creds", "me:secret", "app"], {
        env: { CONTAINERS_REGISTRIES_CONF: conf },
      });
      expect(short.stderr).toBe(
        "brun: --creds: app may be in a.test or b.test; hint: name the registry for which the login is: a.test/app:latest\n",
      );
    });
  });
}
