/** A Debian root filesystem with 65,536 ids: what apt-get and its like need. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { host, installed, isRoot, ownedDir, testRoot } from "./support/caller.ts";
import { makeRepository } from "./support/debian-package.ts";
import { Images } from "./support/images.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { baseSpec, capabilitySets, DOCKER_CAPABILITIES, mapManyIds, type TestSpec } from "./support/spec.ts";
import { brunPath, workspace } from "./support/workspace.ts";

const available = installed("mmdebstrap");

/** Whether Debian's own source of packages is in reach, without a proxy. */
const online =
  Bun.spawnSync(["timeout", "5", "bash", "-c", "</dev/tcp/deb.debian.org/80"], { stderr: "ignore" })
    .exitCode === 0;

/** Directories of /usr/share that nothing in the tests reads: a third of all files, which each test unpacks. */
const UNREAD = ["doc", "i18n", "info", "locale", "man", "zoneinfo"];

/** Kept between runs: making it takes a minute. Delete the directory to have it made anew. */
const CACHE = `${import.meta.dir}/../.cache`;
const tarball = (): string => `${workspace()}/debian.tar`;

describe.skipIf(!available)("a Debian root filesystem", () => {
  beforeAll(() => {
    // The machine's own release and sources.
    const codename = /^VERSION_CODENAME=(\w+)$/m.exec(host("cat", "/etc/os-release"))?.[1] ?? "stable";
    const cached = `${CACHE}/debian-${codename}-small.tar`;
    if (!existsSync(cached)) {
      mkdirSync(CACHE, { recursive: true });
      host(
        "mmdebstrap",
        "--quiet",
        "--format=tar",
        "--variant=apt",
        ...UNREAD.map((path) => `--dpkgopt=path-exclude=/usr/share/${path}/*`),
        "--include=passwd", // which is essential no longer in Debian 13
        "--skip=output/dev",
        codename,
        `${cached}.new`,
      );
      renameSync(`${cached}.new`, cached);
    }
    copyFileSync(cached, tarball());
  }, 600000);
  afterAll(() => rmSync(tarball(), { force: true }));

  // Only root can make another system its root directory.
  if (isRoot) {
    test("dist/brun alone on a Debian without node, npm and a compiler, as a user and as root", async () => {
      const [subject] = subjects(["brun"]);
      await using box = new Sandbox(subject!);
      const system = `${box.dir}/system`;
      mkdirSync(`${system}/dev`, { recursive: true });
      host("tar", "xpf", tarball(), "-C", system);
      copyFileSync(brunPath(), `${system}/usr/local/bin/brun`);
      const spec = baseSpec(testRoot()!);
      spec.process.args = ["/bin/sh", "-c", "echo pid $$; id -u; cat /proc/self/uid_map"];
      for (const name of ["user", "root"]) {
        const owner = name === "user" ? { uid: 1000, gid: 1000 } : { uid: 0, gid: 0 };
        makeRootfs(`${system}/srv/${name}/rootfs`, owner);
        writeFileSync(`${system}/srv/${name}/config.json`, JSON.stringify(spec));
      }
      const script = `set -e
        export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        mount --bind ${system} ${system}; mount --make-private ${system}; cd ${system}
        mount -t proc proc proc; mount --rbind /sys sys; mount --rbind /dev dev; mount -t tmpfs -o mode=1777 tmp tmp
        pivot_root . mnt; /mnt/bin/umount -l /mnt
        for command in node npm bun cc gcc newuidmap; do
          if command -v $command; then exit 9; fi
        done
        brun run --bundle /srv/root one
        exec setpriv --reuid=1000 --regid=1000 --clear-groups --inh-caps=-all brun run --bundle /srv/user two`;
      const lines = host("unshare", "--mount", "--pid", "--fork", "env", "-i", "sh", "-c", script)
        .trim()
        .split("\n")
        .map((line) => line.trim().replace(/ +/g, " "));
      expect(lines).toEqual(["pid 1", "0", "0 0 4294967295", "pid 1", "0", "0 1000 1"]);
    }, 300000);
  }

  for (const subject of subjects()) {
    test(`${subject.label}: unpack as a mapped root, chown, su, setuid, dpkg`, async () => {
      await using box = new Sandbox(subject);
      const edit =
        (args: string[]) =>
        (spec: TestSpec): void => {
          mapManyIds(spec, subject.caller);
          spec.process.args = args;
          spec.process.capabilities = capabilitySets(DOCKER_CAPABILITIES);
          spec.process.noNewPrivileges = false;
          spec.mounts.push({
            destination: "/debian.tar",
            type: "bind",
            source: tarball(),
            options: ["bind", "ro"],
          });
        };
      const run = async (bundle: string): Promise<string> => {
        const outcome = await box.call(["run", "--bundle", bundle, box.name()], { timeoutMs: 120000 });
        if (outcome.code !== 0) throw new Error(`${outcome.code}: ${outcome.stderr}${outcome.stdout}`);
        return outcome.stdout;
      };
      // A busybox container unpacks the Debian one: its files then have the ids of the map.
      const unpack = "mkdir /debian && cd /debian && tar xpf /debian.tar && ls";
      const first = box.bundle(edit(["/bin/sh", "-c", unpack]));
      expect(await run(first)).toContain("usr");
      const script = [
        "set -e",
        "useradd -m someone; chown someone:mail /srv; stat -c %U:%G /srv",
        "su someone -c 'id -un; touch ~/file'; stat -c %U /home/someone/file",
        "stat -c '%a %U' /usr/bin/su; su someone -c 'grep ^NoNewPrivs /proc/self/status'",
        // A setgid program run by the user: only its group lets it read /etc/shadow.
        "stat -c '%G %a' /usr/bin/chage; su someone -c 'chage -l someone' | head -n 1 | cut -c 1-4",
        "mkdir -p /tmp/p/DEBIAN /tmp/p/opt; echo data >/tmp/p/opt/file; chown daemon /tmp/p/opt/file",
        "printf 'Package: tiny\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@y>\\nDescription: x\\n' >/tmp/p/DEBIAN/control",
        "dpkg-deb -b /tmp/p /tmp/tiny.deb >/dev/null; dpkg -i /tmp/tiny.deb >/dev/null; stat -c %U /opt/file",
        "apt-get --version | head -n 1 | cut -d' ' -f1; apt-mark showmanual >/dev/null; echo done",
      ].join("\n");
      const second = box.bundle((spec) => {
        edit(["/bin/bash", "-c", script])(spec);
        spec.root.path = `${first}/rootfs/debian`;
        spec.mounts = spec.mounts.filter(({ destination }) => destination !== "/debian.tar");
      });
      const lines = (await run(second)).trim().split("\n");
      expect(lines.slice(0, 3)).toEqual(["someone:mail", "someone", "someone"]);
      expect(lines[3]).toBe("4755 root");
      expect(lines.slice(-3)).toEqual(["daemon", "apt", "done"]);
      expect(existsSync(`${first}/rootfs/debian/etc/debian_version`)).toBe(true);
    }, 300000);
  }

  for (const subject of subjects(["brun"])) {
    // Root has all ids; see test/fake-root.test.ts.
    if (subject.caller.uid === 0) continue;
    test(`${subject.label}: apt-get install with one id, by --fake-root`, async () => {
      await using box = new Sandbox(subject);
      const root = ownedDir(subject.caller, `${box.dir}/system`);
      host("tar", "xpf", tarball(), "-C", root);
      host("chown", "-R", "-h", `${subject.caller.uid}:${subject.caller.gid}`, root);
      makeRepository(
        `${root}/repository`,
        "needs-ids",
        [
          { path: "plain", owner: "daemon:1", group: "mail:8", mode: "0644" },
          { path: "setgid", owner: "root:0", group: "shadow:42", mode: "2755" },
        ],
        "useradd --system -m service; chown service:mail /opt/plain; mknod /opt/null c 1 3\n" +
          "su service -s /bin/sh -c 'touch /opt/by-service'; setpriv --reuid=1 --clear-groups touch /opt/by-setpriv",
      );
      writeFileSync(`${root}/etc/apt/sources.list`, "deb [trusted=yes] file:/repository ./\n");
      const script =
        "{ apt-get update && apt-get install -y needs-ids; } >/tmp/log 2>&1 || cat /tmp/log; " +
        "dpkg --audit; ls -A /opt; stat -c %U:%G /opt/plain; dpkg -s needs-ids | grep ^Status";
      const run = ["run", "--rootfs", root, "--fake-root", "--", "sh", "-c", script];
      expect(await box.ok(run, { timeoutMs: 120_000 })).toBe(
        "by-service\nby-setpriv\nplain\nsetgid\nroot:root\nStatus: install ok installed\n",
      );
    }, 300000);

    test.if(online)(
      `${subject.label}: apt-get update and install in an image`,
      async () => {
        await using images = Images.make(subject);
        const name = images.box.name();
        const long = { timeoutMs: 240_000 };
        await images.ok(["image", "import", "-c", 'CMD ["bash"]', tarball(), "me/debian:1"], long);
        await images.ok(
          ["run", "-d", "--name", name, "--network", "host", "--image", "me/debian:1", "--", "sleep", "1000"],
          long,
        );
        const script =
          "apt-get update -qq && apt-get install -y -qq hello >/tmp/log 2>&1 || cat /tmp/log; hello; " +
          "stat -c %U:%G /var/lib/apt/lists/partial; dpkg --audit; getent hosts localhost >/dev/null && echo found";
        const out = await images.ok(["exec", name, "sh", "-c", script], long);
        expect(out).toBe("Hello, world!\n_apt:root\nfound\n");
        // What was installed is one layer of another image.
        await images.ok(["image", "commit", "-c", 'ENTRYPOINT ["hello"]', name, "me/hello:1"], long);
        expect(await images.ok(["run", "--image", "me/hello:1", "--", "-t"])).toBe("hello, world\n");
        await images.ok(["delete", "--force", name]);
      },
      300000,
    );
  }
});
