import { expect, test } from "bun:test";
import { parseSpec } from "./index.ts";
import { serialise, specTemplate } from "./template.ts";

/** The output of Go's encoder: fields in the order of specs-go/config.go, tabs, no final newline. */
const ORDER = {
  "": ["ociVersion", "process", "root", "hostname", "mounts", "annotations", "linux"],
  process: ["terminal", "user", "args", "env", "cwd", "capabilities", "rlimits", "noNewPrivileges"],
  linux: ["resources", "namespaces", "maskedPaths", "readonlyPaths"],
  rootless: ["uidMappings", "gidMappings", "namespaces", "maskedPaths", "readonlyPaths"],
};

test.each([true, false])(
  "rootless %p: runc's fields in runc's order, and a config without a remark",
  (rootless) => {
    const text = serialise(specTemplate(rootless, { uid: 1000, gid: 100, cgroup2: true }));
    const spec = JSON.parse(text);
    expect(Object.keys(spec)).toEqual(ORDER[""]);
    expect(Object.keys(spec.process)).toEqual(ORDER.process);
    expect(Object.keys(spec.linux)).toEqual(rootless ? ORDER.rootless : ORDER.linux);
    expect(text).toStartWith('{\n\t"ociVersion": "1.3.0",\n\t"process": {\n\t\t"terminal": true,\n');
    expect(text).toEndWith('"/proc/sysrq-trigger"\n\t\t]\n\t}\n}');
    expect(parseSpec(text, "config.json", { addsUserNamespace: false }).warnings).toEqual([]);
  },
);

test("rootless: the caller's ids, the host's network, no limits, sysfs bound, no gid of devpts", () => {
  const { linux, mounts } = specTemplate(true, { uid: 1000, gid: 100, cgroup2: true });
  expect(linux.uidMappings).toEqual([{ containerID: 0, hostID: 1000, size: 1 }]);
  expect(linux.gidMappings).toEqual([{ containerID: 0, hostID: 100, size: 1 }]);
  expect(linux.namespaces?.map(({ type }) => type)).toEqual(["pid", "ipc", "uts", "mount", "cgroup", "user"]);
  expect(linux.resources).toBeUndefined();
  expect(mounts?.find(({ destination }) => destination === "/sys")?.options).toContain("rbind");
  expect(mounts?.flatMap(({ options }) => options).filter((o) => o?.startsWith("gid="))).toEqual([]);
});

test("a cgroup namespace only where the host has cgroup v2", () => {
  const types = (cgroup2: boolean) =>
    specTemplate(false, { uid: 0, gid: 0, cgroup2 }).linux.namespaces?.map(({ type }) => type);
  expect(types(false)).toEqual(["pid", "network", "ipc", "uts", "mount"]);
  expect(types(true)).toEqual(["pid", "network", "ipc", "uts", "mount", "cgroup"]);
});
