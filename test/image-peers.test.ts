/** Images between brun and other programs: Debian's docker-registry with tokens, podman, extended attributes in a commit. */
import { describe, expect, test } from "bun:test";
import { createPrivateKey, sign, X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { imageOf, writeLayout } from "../src/image/testing/image.ts";
import { host, installed, ownedDir } from "./support/caller.ts";
import { Authority } from "./support/certificates.ts";
import { Images, programLayer, run } from "./support/images.ts";
import { until } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";

const base64url = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString("base64url");

/** Serves tokens that docker-registry believes, to who knows "me:secret". */
function tokenService(authority: Authority): Bun.Server<undefined> {
  const { key, cert } = authority.certificate(["DNS:tokens"]);
  const chain = [cert, readFileSync(authority.file, "utf8")].map((pem) =>
    new X509Certificate(pem).raw.toString("base64"),
  );
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      if (request.headers.get("authorization") !== `Basic ${btoa("me:secret")}`)
        return new Response("{}", { status: 401 });
      const { searchParams } = new URL(request.url);
      const access = searchParams.getAll("scope").map((scope) => {
        const [type, name, actions] = scope.split(":");
        return { type, name, actions: actions?.split(",") };
      });
      const now = Math.floor(Date.now() / 1000);
      const claims = { iss: "tokens", sub: "me", aud: searchParams.get("service"), nbf: now - 5, iat: now };
      const parts = [
        { typ: "JWT", alg: "ES256", x5c: chain },
        { ...claims, exp: now + 60, jti: "1", access },
      ];
      const text = parts.map((part) => base64url(JSON.stringify(part))).join(".");
      const how = { key: createPrivateKey(key), dsaEncoding: "ieee-p1363" } as const;
      return Response.json({ token: `${text}.${base64url(sign("sha256", Buffer.from(text), how))}` });
    },
  });
}

/** docker-registry on a port of loopback that wants such tokens. */
class DockerRegistry implements AsyncDisposable {
  readonly host: string;
  private readonly child: Bun.Subprocess;

  constructor(dir: string, tokens: Bun.Server<undefined>, authority: Authority) {
    // The registry takes no number 0: one that is free just now.
    const free = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    this.host = `127.0.0.1:${free.port}`;
    free.stop(true);
    const config = `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: ${dir}/storage}}
http: {addr: "${this.host}"}
auth:
  token:
    realm: "http://127.0.0.1:${tokens.port}/token"
    service: registry of the tests
    issuer: tokens
    rootcertbundle: ${authority.file}
`;
    writeFileSync(`${dir}/registry.yml`, config);
    this.child = Bun.spawn(["docker-registry", "serve", `${dir}/registry.yml`], {
      stdio: ["ignore", "ignore", Bun.file(`${dir}/registry.log`)],
    });
  }

  async ready(): Promise<void> {
    await until("docker-registry answers", async () => {
      try {
        return (await fetch(`http://${this.host}/v2/`)).status === 401;
      } catch {
        return false;
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill();
    await this.child.exited;
  }
}

for (const subject of subjects(["brun"])) {
  describe(subject.label, () => {
    test.if(installed("docker-registry"))(
      "docker-registry with tokens: pushed, pulled, refused",
      async () => {
        await using images = Images.make(subject);
        const { box, data } = images;
        const authority = new Authority(`${box.dir}/authority`);
        using tokens = tokenService(authority);
        await using registry = new DockerRegistry(box.dir, tokens, authority);
        await registry.ready();
        writeLayout(`${box.dir}/layout`, { a: images.image() });
        const env = { REGISTRY_AUTH_FILE: `${data}/auth.json` };
        const name = `${registry.host}/team/app:1`;
        const push = ["image", "push", "-q", `oci:${box.dir}/layout:a`, name];
        await images.ok(["image", "pull", "-q", `oci:${box.dir}/layout:a`]);
        const none = await images.call(push, { env });
        expect([none.code, none.stderr]).toEqual([
          1,
          `brun: ${registry.host} wants a login to push ${name}; hint: brun login ${registry.host}\n`,
        ]);
        const login = ["login", registry.host, "-u", "me", "--password-stdin"];
        expect((await images.call(login, { env, stdin: "wrong" })).stderr).toContain("refuses your login");
        await images.ok(login, { env, stdin: "secret" });
        await images.ok(push, { env });
        expect(await images.ok(run(name, "cat /etc/motd"), { env })).toBe("second\n");
        // A second image of the same layers sends none of them: another repository has them.
        await images.ok([...push.slice(0, -1), `${registry.host}/team/other:1`], { env });
        expect(await images.ok(run(`${registry.host}/team/other:1`, "cat /etc/motd"), { env })).toBe(
          "second\n",
        );
        await images.ok(["logout", registry.host], { env });
        const after = await images.call(["image", "pull", "-q", name], { env });
        expect(after.stderr).toContain(`${registry.host} wants a login for ${name}`);
      },
    );

    /** The layout of what a container has done by host's Python, below /host. */
    async function committed(images: Images, python: string): Promise<string> {
      const libraries = `${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;
      const loader = readdirSync(`/usr/lib/${libraries}`).find((name) => /^ld-linux.*\.so\.\d$/.test(name));
      const at = `/host/lib/${libraries}`;
      const interpreter = `${at}/${loader} --library-path ${at} /host/bin/python3 -S -c`;
      const id = images.box.name();
      const layout = `${images.box.dir}/layout`;
      const lower = [
        { path: "opt/file", data: "x" },
        { path: "opt/other", data: "y" },
        { path: "opt/same", data: "z" },
        { path: "opt/dir", type: "5", mode: 0o755 },
      ];
      writeLayout(layout, { a: imageOf([programLayer(images.box), lower]) });
      const script = `${interpreter} "$1" && touch /ready && exec sleep 1000`;
      const flags = ["-d", "--name", id, "-v", "/usr:/host:ro", "-e", "PYTHONHOME=/host"];
      const argv = [
        "run",
        "--image",
        `oci:${layout}:a`,
        "-q",
        ...flags,
        "--",
        "sh",
        "-c",
        script,
        "sh",
        python,
      ];
      await images.ok(argv);
      const isReady = async () => (await images.call(["exec", id, "ls", "/ready"])).code === 0;
      await until("it has changed all", isReady);
      const to = `oci:${images.data}/committed:new`;
      await images.ok(["image", "commit", id, to]);
      await images.ok(["delete", "--force", id]);
      return to;
    }

    // cap_net_raw+p, as setcap(8) writes it.
    const CAPABILITY = "0000000200200000000000000000000000000000";

    test.if(installed("python3"))(
      "commit: extended attributes and file capabilities alone are a change",
      async () => {
        await using images = Images.make(subject);
        const change = [
          "import os",
          "os.setxattr('/opt/file', 'user.a', b'1')",
          "os.setxattr('/opt/dir', 'user.b', b'2')",
          `os.setxattr('/opt/other', 'security.capability', bytes.fromhex('${CAPABILITY}'))`,
        ].join("\n");
        const name = await committed(images, change);
        const layer = `${images.box.dir}/layer`;
        const [path] = name.slice("oci:".length).split(":");
        const manifests = JSON.parse(readFileSync(`${path}/index.json`, "utf8")).manifests;
        const blob = (digest: string) => `${path}/blobs/${digest.replace(":", "/")}`;
        const { layers } = JSON.parse(readFileSync(blob(manifests[0].digest), "utf8"));
        const last = blob(layers.at(-1).digest);
        host("sh", "-c", 'gzip -dc <"$1" >"$2"', "sh", last, layer);
        const show =
          "import sys, tarfile\nfor m in tarfile.open(sys.argv[1]): print(m.name, sorted((k, v.encode('utf8', 'surrogateescape').hex()) for k, v in m.pax_headers.items() if 'xattr' in k))";
        const lines = host("python3", "-c", show, layer).trim().split("\n");
        const shown = lines.filter((line) => line.startsWith("opt"));
        expect(shown).toEqual([
          "opt/dir [('SCHILY.xattr.user.b', '32')]",
          "opt/file [('SCHILY.xattr.user.a', '31')]",
          `opt/other [('SCHILY.xattr.security.capability', '${CAPABILITY}')]`,
        ]);
      },
    );

    test.if(installed("podman") && subject.caller.uid === 0)(
      "podman reads a committed image, with its capabilities",
      async () => {
        await using images = Images.make(subject);
        const change = [
          "import os",
          "open('/opt/new', 'w').write('new')",
          "os.remove('/opt/same')",
          `os.setxattr('/opt/other', 'security.capability', bytes.fromhex('${CAPABILITY}'))`,
        ].join("\n");
        const name = await committed(images, change);
        const dir = ownedDir(subject.caller, `${images.box.dir}/podman`);
        const places = ["--root", `${dir}/root`, "--runroot", `${dir}/run`, "--storage-driver", "vfs"];
        // podman makes a name of the path, which may have no capitals then.
        const at = ["-c", 'cd "$0" && exec podman "$@"', images.data];
        const podman = (...args: string[]) => host("sh", ...at, ...places, ...args).trim();
        const id = podman("pull", "-q", name.replace(`${images.data}/`, ""))
          .split("\n")
          .at(-1)!;
        const root = podman("image", "mount", id);
        try {
          expect(readFileSync(`${root}/opt/new`, "utf8")).toBe("new");
          expect([existsSync(`${root}/opt/same`), existsSync(`${root}/opt/file`)]).toEqual([false, true]);
          const read = "import os, sys; print(os.getxattr(sys.argv[1], 'security.capability').hex())";
          expect(host("python3", "-c", read, `${root}/opt/other`).trim()).toBe(CAPABILITY);
        } finally {
          podman("image", "umount", id);
          podman("rmi", id);
        }
      },
    );
  });
}
