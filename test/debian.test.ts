/** A Debian root filesystem with 65,536 ids: what apt-get and its like need. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { host, installed } from "./support/caller.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { capabilitySets, DOCKER_CAPABILITIES, mapManyIds, type TestSpec } from "./support/spec.ts";
import { workspace } from "./support/workspace.ts";

const available = installed("mmdebstrap");

/** Kept between runs: making it takes a minute. Delete the directory to have it made anew. */
const CACHE = `${import.meta.dir}/../.cache`;
const tarball = (): string => `${workspace()}/debian.tar`;

describe.skipIf(!available)("a Debian root filesystem", () => {
  beforeAll(() => {
    // The machine's own release and sources.
    const codename = /^VERSION_CODENAME=(\w+)$/m.exec(host("cat", "/etc/os-release"))?.[1] ?? "stable";
    const cached = `${CACHE}/debian-${codename}.tar`;
    if (!existsSync(cached)) {
      mkdirSync(CACHE, { recursive: true });
      host(
        "mmdebstrap",
        "--quiet",
        "--format=tar",
        "--variant=apt",
        "--skip=output/dev",
        codename,
        `${cached}.new`,
      );
      renameSync(`${cached}.new`, cached);
    }
    copyFileSync(cached, tarball());
  }, 600000);
  afterAll(() => rmSync(tarball(), { force: true }));

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
});
