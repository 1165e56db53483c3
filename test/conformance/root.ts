/** Version, root file system, names, annotations, and what is for other platforms. */
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { type Case, expectOutput, inside } from "./case.ts";

export const rootCases: readonly Case[] = [
  {
    name: "the root file system is root.path, relative to the bundle or absolute",
    fields: ["root.path"],
    run: async (box) => {
      const elsewhere = box.bundle();
      mkdirSync(`${elsewhere}/rootfs/mark`);
      chmodSync(`${elsewhere}/rootfs/mark`, 0o755);
      const bundle = box.bundle((spec) => {
        spec.root.path = `${elsewhere}/rootfs`;
        spec.process.args = ["/bin/sh", "-c", "ls -d /mark; ls -A /..  | grep -c bundle"];
      });
      expectOutput(await box.call(["run", "--bundle", bundle, box.name()]), "/mark\n0\n");
    },
  },
  inside(
    "a read-only root, and a writable one",
    ["root.readonly"],
    (spec) => {
      spec.root.readonly = true;
    },
    "touch /new 2>/dev/null || echo read-only; touch /dev/shm/x && echo mounts stay as they are",
    "read-only\nmounts stay as they are\n",
  ),
  inside(
    "hostname and domainname",
    ["hostname", "domainname"],
    (spec) => {
      spec.hostname = "conformer";
      spec.domainname = "conforming.example";
    },
    "hostname; cat /proc/sys/kernel/domainname",
    "conformer\nconforming.example\n",
    { differs: { "runc 1.1": "is older than the field" } },
  ),
  inside(
    "versions 1.0.0 to 1.3.0 are taken",
    ["ociVersion"],
    (spec) => {
      spec.ociVersion = "1.3.0";
    },
    "echo ran",
    "ran\n",
    { differs: { "crun 1.8": "takes versions of the form 1.0.x alone" } },
  ),
  {
    name: "annotations are in the state, and in that of hooks",
    fields: ["annotations"],
    run: async (box) => {
      const file = `${box.dir}/hook.json`;
      writeFileSync(file, "");
      chownSync(file, box.subject.caller.uid, box.subject.caller.gid);
      const id = await box.detached((spec) => {
        spec.annotations = { "org.example.key": "value" };
        spec.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", `cat >${file}`] }] };
      });
      const state = await box.inspect(id);
      const hook = JSON.parse(await Bun.file(file).text());
      for (const { annotations } of [state, hook] as { annotations?: Record<string, string> }[]) {
        if (annotations?.["org.example.key"] !== "value") {
          throw new Error(`annotations are ${JSON.stringify(annotations)}`);
        }
      }
    },
  },
  inside(
    "other platforms' sections have no effect",
    ["windows", "vm", "solaris", "zos", "freebsd"],
    (spec) =>
      Object.assign(spec, {
        windows: { layerFolders: ["C:"] },
        solaris: { milestone: "x" },
        vm: { kernel: { path: "/k" } },
        zos: {},
        freebsd: {},
      }),
    "echo ran",
    "ran\n",
  ),
];
