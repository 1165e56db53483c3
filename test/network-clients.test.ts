/**
 * `--allow-net` with programs that know nothing of it: what is allowed is reached without a variable, and what is not is not.
 * BRUN_NETWORK=full for all of them; git, curl, wget and Python always.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { host, installed, isRoot, ownedDir, testUser } from "./support/caller.ts";
import { Images } from "./support/images.ts";
import { Network } from "./support/network.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { boxDir } from "./support/workspace.ts";

const FULL = process.env.BRUN_NETWORK === "full";

/** A client: the ports that it needs, what it runs in a directory of its own, and what that prints. SITE stands for a name. */
interface Client {
  readonly needs: readonly string[];
  readonly ports: readonly number[];
  readonly script: string;
  readonly says: string;
  /** Also in an ordinary run of the tests. */
  readonly always?: true;
}

const SITE = "good.example";

const CLIENTS: Readonly<Record<string, Client>> = {
  "curl, by HTTP and HTTPS": {
    ...{ needs: ["curl"], ports: [80, 443], always: true },
    script: "curl -sS http://SITE/ && curl -sSk https://SITE/",
    says: "hello SITE\nhello SITE\n",
  },
  wget: {
    ...{ needs: ["wget"], ports: [80, 443], always: true },
    script: "wget -qO- http://SITE/ && wget -qO- --no-check-certificate https://SITE/",
    says: "hello SITE\nhello SITE\n",
  },
  "git over HTTPS": {
    ...{ needs: ["git"], ports: [443], always: true },
    script: "git -c http.sslVerify=false clone -q https://SITE/repo.git r && cat r/file",
    says: "from git\n",
  },
  "git over ssh": {
    ...{ needs: ["git", "ssh", "sshd"], ports: [22] },
    script: `GIT_SSH_COMMAND='ssh -i ../id -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR' \\
      git clone -q root@SITE:DIR/www/repo.git r && cat r/file`,
    says: "from git\n",
  },
  "a raw WebSocket": {
    ...{ needs: ["python3"], ports: [80], always: true },
    script: `python3 -c 'import socket
s = socket.create_connection(("SITE", 80))
s.sendall(b"GET / HTTP/1.1\\r\\nHost: SITE\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\\r\\n\\r\\n")
assert s.recv(4096).startswith(b"HTTP/1.1 101")
s.sendall(bytes([0x81, 0x82, 0, 0, 0, 0]) + b"hi")
print(s.recv(99)[2:].decode())'`,
    says: "echo hi\n",
  },
  pip: {
    ...{ needs: ["pip"], ports: [80] },
    script: `pip download -q --no-cache-dir --disable-pip-version-check --index-url http://SITE/simple --trusted-host SITE tiny 2>&1 &&
      ls *.whl`,
    says: "tiny-1.0-py3-none-any.whl\n",
  },
  npm: {
    ...{ needs: ["npm"], ports: [80] },
    script: `npm install --silent --fetch-retries=0 --no-audit --no-fund --cache ./cache --registry http://SITE/ tiny >&2 && cat node_modules/tiny/index.js`,
    says: "from npm\n",
  },
  cargo: {
    ...{ needs: ["cargo"], ports: [80] },
    script: `mkdir src .cargo && echo 'fn main(){}' > src/main.rs
      printf '[package]\\nname="p"\\nversion="0.1.0"\\n[dependencies]\\ntiny="1"\\n' > Cargo.toml
      index=sparse+http://SITE/index/; net=
      if cargo --version | grep -Eq '^cargo 1\\.([1-5]?[0-9]|6[0-7])\\.'; then index=http://SITE/index.git net='[net]\\ngit-fetch-with-cli=true\\n'; fi
      printf '[source.crates-io]\\nreplace-with="s"\\n[source.s]\\nregistry="'$index'"\\n'"$net" > .cargo/config.toml
      CARGO_HOME=$PWD/home cargo fetch -q && ls home/registry/src/*`,
    says: "tiny-1.0.0\n",
  },
  go: {
    ...{ needs: ["go"], ports: [80] },
    script: `printf 'module p\\ngo 1.20\\n' > go.mod; export GOPROXY=http://SITE/go GOSUMDB=off GOFLAGS=-mod=mod GOTOOLCHAIN=local
      export GOMODCACHE=$PWD/mod GOCACHE=$PWD/cache; go get example.org/tiny@v1.0.0 2>&1`,
    says: "go: downloading example.org/tiny v1.0.0\ngo: added example.org/tiny v1.0.0\n",
  },
  "Java's HttpClient": {
    ...{ needs: ["java"], ports: [80] },
    script: `cat > F.java <<'X'
import java.net.*; import java.net.http.*;
public class F { public static void main(String[] a) throws Exception {
  System.out.print(HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create("http://SITE/")).build(),
    HttpResponse.BodyHandlers.ofString()).body()); } }
X
      java F.java`,
    says: "hello SITE\n",
  },
  psql: {
    ...{ needs: ["psql", "postgres", "initdb"], ports: [5432] },
    script: `psql -h SITE -U tester -d postgres -Atc 'select 6 * 7'`,
    says: "42\n",
  },
};

const ready = (client: Client) => client.needs.every(installed) && (FULL || client.always === true);

describe.skipIf(!isRoot)("clients", () => {
  let network: Network;
  let dir: string;
  const servers: Bun.Subprocess[] = [];

  beforeAll(async () => {
    dir = boxDir(testUser());
    makeFiles(dir);
    network = await Network.make(dir);
    const serve = (argv: string[]) => {
      servers.push(Bun.spawn(network.inWorld(...argv), { stdio: ["ignore", "ignore", "ignore"] }));
    };
    if (ready(CLIENTS["git over ssh"]!)) serve(sshServer(dir));
    if (ready(CLIENTS.psql!)) serve(postgresServer(dir));
    await Bun.sleep(servers.length === 0 ? 0 : 2000);
  }, 60_000);
  afterAll(async () => {
    for (const server of servers) server.kill("SIGTERM");
    await Promise.all(servers.map((server) => server.exited));
    await network?.[Symbol.asyncDispose]();
  });

  for (const subject of subjects(["brun"])) {
    describe(subject.label, () => {
      test("with --rootfs and --image, as with --host", async () => {
        await using images = Images.make(subject);
        const { box, registry } = images;
        registry.push("app", "1", images.image());
        const name = `${registry.host}/app:1`;
        await images.ok(["image", "pull", name]);
        const root = makeRootfs(ownedDir(subject.caller, `${box.dir}/root`), subject.caller);
        const script = `wget -qO- http://${SITE}/; wget -qO- http://other.example/ || cat /etc/resolv.conf`;
        for (const flags of [
          ["--rootfs", root],
          ["--image", name],
        ]) {
          const argv = ["run", ...flags, "--allow-net", SITE, "--", "sh", "-c", script];
          const { stdout, stderr } = await images.call(argv, network.options);
          expect([flags[0], stdout]).toEqual([flags[0], `hello ${SITE}\nnameserver 198.18.0.1\n`]);
          expect(stderr).toContain("bad address 'other.example'");
        }
      });

      for (const [name, client] of Object.entries(CLIENTS)) {
        test.skipIf(!ready(client))(`${name}: its site is reached, and no other`, async () => {
          await using box = new Sandbox(subject);
          const { uid, gid } = subject.caller;
          const work = ownedDir(subject.caller, `${box.dir}/work`);
          if (client.needs.includes("sshd"))
            host("install", "-m", "600", "-o", `${uid}`, "-g", `${gid}`, `${dir}/id`, `${work}/id`);
          const text = (site: string) => client.script.replaceAll("SITE", site).replaceAll("DIR", dir);
          const flags = client.ports.map((port) => `--allow-net=${SITE}:${port}`);
          const script = `mkdir a b; cd a; ( ${text(SITE)} ) && cd ../b && if ( ${text("other.example")} ) > /dev/null 2>&1; then echo leaked; fi`;
          const argv = ["run", "--host", "--rw", work, "-w", work, ...flags, "--", "bash", "-c", script];
          const env = { PATH: process.env.PATH ?? "" };
          const { stdout, stderr, code } = await box.call(argv, {
            ...network.options,
            env,
            timeoutMs: 120_000,
          });
          expect({ stdout, code, stderr: code === 0 ? "" : stderr }).toEqual({
            ...{ stdout: client.says.replaceAll("SITE", SITE), code: 0, stderr: "" },
          });
        });
      }
    });
  }
});

/** What the web server has: a repository of git, and registries with a package "tiny". */
function makeFiles(dir: string): void {
  const www = `${dir}/www`;
  const write = (name: string, text: string | Uint8Array) => {
    mkdirSync(`${www}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
    writeFileSync(`${www}/${name}`, text);
  };
  const sh = (script: string) => host("bash", "-c", `set -e; cd ${www}; ${script}`);
  mkdirSync(www, { recursive: true });
  chmodSync(www, 0o755);
  sh(`git init -q w; cd w; echo from git > file; git add file
    git -c user.name=t -c user.email=t@t commit -qm one; cd ..; git clone -q --bare w repo.git; git -C repo.git update-server-info
    git config --file repo.git/config safe.directory '*'`);
  if (!FULL) return;
  const wheel = "tiny-1.0-py3-none-any.whl";
  write("simple/tiny/index.html", `<!DOCTYPE html><a href="/${wheel}">${wheel}</a>`);
  sh(`python3 -c "import zipfile
z = zipfile.ZipFile('${wheel}', 'w')
z.writestr('tiny.py', 'x = 1')
z.writestr('tiny-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n')
z.writestr('tiny-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
z.writestr('tiny-1.0.dist-info/RECORD', '')
z = zipfile.ZipFile('go.zip', 'w')
z.writestr('example.org/tiny@v1.0.0/go.mod', 'module example.org/tiny\\n')
z.writestr('example.org/tiny@v1.0.0/tiny.go', 'package tiny\\n')"`);
  write("package/package.json", '{"name":"tiny","version":"1.0.0"}');
  write("package/index.js", "from npm\n");
  sh("tar czf tiny-1.0.0.tgz package; mv package npm-package");
  const version = { name: "tiny", version: "1.0.0", dist: { tarball: `http://${SITE}/tiny-1.0.0.tgz` } };
  write(
    "tiny",
    JSON.stringify({ name: "tiny", "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": version } }),
  );
  write("tiny-1.0.0/Cargo.toml", '[package]\nname="tiny"\nversion="1.0.0"\n');
  write("tiny-1.0.0/src/lib.rs", "");
  sh("mkdir -p crates; tar czf crates/tiny.crate tiny-1.0.0");
  const cksum = sh("sha256sum crates/tiny.crate").slice(0, 64);
  write("index/config.json", JSON.stringify({ dl: `http://${SITE}/crates/{crate}.crate` }));
  write(
    "index/ti/ny/tiny",
    `${JSON.stringify({ ...{ name: "tiny", vers: "1.0.0", deps: [], cksum }, features: {}, yanked: false })}\n`,
  );
  // A cargo before 1.68 reads an index by git alone.
  sh(`cd index; git init -q; git add config.json ti; git -c user.name=t -c user.email=t@t commit -qm one; cd ..
    git clone -q --bare index index.git; git -C index.git update-server-info`);
  const go = "go/example.org/tiny/@v/";
  write(`${go}list`, "v1.0.0\n");
  write(`${go}v1.0.0.info`, '{"Version":"v1.0.0","Time":"2026-01-01T00:00:00Z"}');
  write(`${go}v1.0.0.mod`, "module example.org/tiny\n");
  sh(`mv go.zip ${go}v1.0.0.zip`);
}

/** A server of ssh that takes one key, for root. */
function sshServer(dir: string): string[] {
  for (const name of ["id", "hostkey"])
    host("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${dir}/${name}`);
  const options = [
    ...[
      `HostKey=${dir}/hostkey`,
      `AuthorizedKeysFile=${dir}/id.pub`,
      "StrictModes=no",
      "UsePAM=no",
      "PidFile=none",
    ],
    ...["PermitRootLogin=yes", "PasswordAuthentication=no", "ListenAddress=203.0.113.2"],
  ];
  const sshd = host("sh", "-c", "command -v sshd").trim();
  // It wants a directory in /run that Debian's service makes.
  const run = `mount -t tmpfs none /run && mkdir -p /run/sshd && exec ${sshd} -D -f /dev/null ${options.map((o) => `-o ${o}`).join(" ")}`;
  return ["unshare", "-m", "sh", "-c", run];
}

/** A server of PostgreSQL that trusts whoever comes; it refuses to be root. */
function postgresServer(dir: string): string[] {
  const user = testUser();
  const data = ownedDir(user, `${dir}/data`, 0o700);
  host(...user.prefix, "initdb", "-D", data, "-U", "tester", "--auth=trust", "--no-sync");
  writeFileSync(`${data}/pg_hba.conf`, "host all all 0.0.0.0/0 trust\n");
  return [
    ...user.prefix,
    "postgres",
    "-D",
    data,
    "-c",
    "listen_addresses=203.0.113.2",
    "-c",
    `unix_socket_directories=${data}`,
  ];
}
