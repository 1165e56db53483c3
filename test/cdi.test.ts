/** `--device VENDOR/CLASS=NAME`: a device that a file of CDI describes, in a container. */
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { isRoot } from "./support/caller.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";

const FILE = (source: string) => `
cdiVersion: 0.6.0
kind: example.com/card
containerEdits:
  env: [DRIVER=7]
devices:
- name: first
  containerEdits:
    deviceNodes:
    - {path: /dev/card/first, hostPath: /dev/full}
    mounts:
    - {hostPath: ${source}, containerPath: /usr/lib/driver, options: [ro, nosuid, nodev, rbind, rprivate]}
    hooks:
    - {hookName: createContainer, path: /bin/sh, args: [sh, -c, "echo hooked > $OUT"], env: ["OUT=${source}/hook"]}
`;

// Root alone can show another /etc to one command.
if (isRoot) {
  for (const subject of subjects(["brun"])) {
    test(`${subject.label}: --device by CDI: a node, files, a variable, a hook`, async () => {
      await using box = new Sandbox(subject);
      const root = makeRootfs(`${box.dir}/root`, subject.caller);
      const driver = `${box.dir}/driver`;
      mkdirSync(driver, { mode: 0o777 });
      writeFileSync(`${driver}/library`, "here\n");
      Bun.spawnSync(["chown", "-R", `${subject.caller.uid}`, driver]);
      const cdi = `${box.dir}/cdi.yaml`;
      writeFileSync(cdi, FILE(driver), { mode: 0o644 });
      const mounts =
        'mount -t tmpfs cdi /opt && mkdir -p /opt/up /opt/work && mount -t overlay -o lowerdir=/etc,upperdir=/opt/up,workdir=/opt/work etc /etc && mkdir /etc/cdi && cp "$0" /etc/cdi/card.yaml && umount -l /opt && exec "$@"';
      const under = ["unshare", "--mount", "sh", "-c", mounts, cdi];
      const run = (device: string, ...program: string[]) =>
        box.call(["run", "--rootfs", root, "--device", device, "--", ...program], { under });
      const script =
        "cat /usr/lib/driver/library; echo $DRIVER; echo x > /dev/card/first; test -c /dev/card/first && echo node";
      const { code, stdout, stderr } = await run("example.com/card=first", "sh", "-c", script);
      expect({ code, stdout }).toEqual({ code: 0, stdout: "here\n7\nnode\n" });
      // /dev/full has no room.
      expect(stderr).toContain("No space left on device");
      expect(await Bun.file(`${driver}/hook`).text()).toBe("hooked\n");
      const unknown = await run("example.com/card=second", "true");
      expect([unknown.code, unknown.stderr]).toEqual([
        1,
        "brun: --device example.com/card=second: no device example.com/card=second is described in /etc/cdi and /var/run/cdi; hint: there are example.com/card=first\n",
      ]);
    });
  }
}
