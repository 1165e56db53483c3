/** Programs for fields whose effect needs a kernel feature or a right that a test machine may lack. */
import { describe, expect, test } from "bun:test";
import { resolve } from "../config/resolve.ts";
import type { ContainerConfig } from "../config/types.ts";
import { describeProgram } from "../plan/describe.ts";
import type { Spec } from "../spec/index.ts";
import { specTemplate } from "../spec/template.ts";
import { setnsInit } from "./setns.ts";
import { recordedPrograms } from "./standard.ts";

const facts = {
  sources: new Map(),
  terminalSize: null,
  cgroup2: true,
  cgroupBinds: [],
};

/** The program of root's container, as text. */
function program(edit: (spec: Spec) => Spec, extra: Partial<ContainerConfig> = {}): string {
  const template = specTemplate(false);
  const spec = edit({ ...template, process: { ...template.process!, terminal: false } });
  const resolved = resolve({
    spec,
    bundle: "/bundle",
    caller: { uid: 0, gid: 0, userName: "root", privileged: true },
    rootless: false,
    addUserNamespace: false,
    subids: () => ({ uid: [], gid: [] }),
    rlimits: new Map(),
    oomScoreAdj: 0,
    setgroupsDenied: () => false,
  });
  const config: ContainerConfig = {
    ...resolved,
    id: "fields",
    bundle: "/bundle",
    privileged: resolved.maps === null,
    facts,
    seccomp: null,
    cgroup: null,
    cloneInto: null,
    noPivot: false,
    newKeyring: false,
    preserveFds: 0,
    extraEnv: [],
    execFifo: null,
    ...extra,
  };
  return describeProgram(recordedPrograms(config, null).flatMap((p) => p.ops));
}

/** The operations under a heading, without numbers. */
function under(text: string, heading: string): string[] {
  const lines = text.split("\n");
  const at = lines.indexOf(heading);
  if (at < 0) throw new Error(`no ${heading} in ${text}`);
  const rest = lines.slice(at + 1);
  const end = rest.findIndex((line) => !line.startsWith(" "));
  return rest.slice(0, end).map((line) => line.replace(/^ *\d+ {2}/, ""));
}

/** The operations of a cgroup mount with "rw", in a cgroup namespace or not. */
function cgroupMount(namespaced: boolean, privileged: boolean): string {
  const text = program(
    (spec) => {
      const namespaces = spec.linux.namespaces!.filter(({ type }) => type !== "cgroup");
      if (namespaced) namespaces.push({ type: "cgroup" });
      const mounts = spec.mounts!.map((m) => (m.type === "cgroup" ? { ...m, options: ["nosuid", "rw"] } : m));
      return { ...spec, mounts, linux: { ...spec.linux, namespaces } };
    },
    { privileged },
  );
  return under(text, "mounts[6]: mount cgroup on /sys/fs/cgroup").join("\n");
}

test("the host's cgroups, bound where cgroup2 cannot be mounted, are read-only whatever the options say", () => {
  const ops = cgroupMount(true, true);
  const calls = ops.match(/\b(mount|fsopen|move_mount|open_tree)(?=\()/g)?.join(" ");
  expect(calls).toBe("mount fsopen move_mount open_tree move_mount");
  expect(ops).toMatch(/set=RDONLY\|NOSUID/);
});

test("without a cgroup namespace the host's cgroups are bound: a mount would set the options of all", () => {
  for (const privileged of [true, false]) {
    const ops = cgroupMount(false, privileged);
    expect(ops).not.toMatch(/mount\("cgroup2"|fsopen/);
    expect(/set=RDONLY/.test(ops)).toBe(!privileged);
  }
});

test("controllers that share a hierarchy of cgroup v1 can be reached by either name", () => {
  const cgroupBinds = [
    { name: "cpu,cpuacct", source: "/sys/fs/cgroup/cpu,cpuacct/c" },
    { name: "memory", source: "/sys/fs/cgroup/memory/c" },
  ];
  const text = program((spec) => spec, { facts: { ...facts, cgroup2: false, cgroupBinds } });
  for (const name of ["cpu", "cpuacct"]) {
    const ops = under(text, `mounts[6]: link /sys/fs/cgroup/${name} to cpu,cpuacct`);
    expect(ops[0]).toMatch(new RegExp(`symlinkat\\("cpu,cpuacct", %\\d+, "${name}"\\)`));
  }
  expect(text).not.toContain("link /sys/fs/cgroup/memory");
});

describe("security labels", () => {
  const withLabels = (spec: Spec): Spec => ({
    ...spec,
    process: { ...spec.process!, apparmorProfile: "docker-default", selinuxLabel: "system_u:system_r:c:s0" },
  });

  test("are written last, through a procfs that was opened and checked before the root was entered", () => {
    const text = program(withLabels);
    const opened = text.indexOf("process.apparmorProfile: open /proc");
    const entered = text.indexOf("root.path: enter the root");
    const set = text.indexOf("process.apparmorProfile: set the AppArmor profile docker-default");
    expect(opened).toBeGreaterThan(0);
    expect(entered).toBeGreaterThan(opened);
    expect(set).toBeGreaterThan(entered);
    expect(text.indexOf("start: wait for brun")).toBeGreaterThan(set);
    expect(under(text, "process.apparmorProfile: open /proc")[2]).toContain("else EXDEV");
    const ops = under(text, "process.apparmorProfile: set the AppArmor profile docker-default");
    expect(ops[0]).toMatch(/openat2\(%\d+, "self\/attr\/apparmor\/exec".*ENOENT/);
    expect(ops[1]).toMatch(/openat2\(%\d+, "self\/attr\/exec"/);
    expect(ops[2]).toMatch(/write\(%\d+, "exec docker-default", 19\)/);
    const selinux = under(text, "process.selinuxLabel: set the SELinux label system_u:system_r:c:s0");
    expect(selinux[1]).toMatch(/write\(%\d+, "system_u:system_r:c:s0", 22\)/);
  });

  test("of exec: /proc is opened before the container's namespaces are joined", () => {
    const spec = withLabels(specTemplate(false));
    const text = describeProgram(
      setnsInit(
        {
          id: "fields",
          privileged: true,
          setgroups: true,
          facts,
          seccomp: null,
          newKeyring: false,
          preserveFds: 0,
          extraEnv: [],
          process: { ...spec.process!, terminal: false },
          namespaces: 0x20000,
          userNamespace: false,
          target: { pid: 5, startTime: "1" },
        } as never,
        true,
      ).ops,
    );
    expect(text.indexOf("open /proc")).toBeLessThan(text.indexOf("join the container's namespaces"));
    expect(text).toContain('"exec docker-default"');
  });

  test("linux.mountLabel becomes an option of new file systems, not of proc, sysfs and bind mounts", () => {
    const label = "system_u:object_r:container_file_t:s0:c1,c2";
    const labelled = (spec: Spec): Spec => ({ ...spec, linux: { ...spec.linux!, mountLabel: label } });
    const text = program(labelled);
    const context = `context=\\"${label}\\"`;
    expect(text.match(/"tmpfs", [^"]*"mode=755,size=65536k,context=/)).not.toBeNull();
    expect(under(text, "mounts[2]: mount devpts on /dev/pts").join()).toContain(context);
    expect(under(text, "mounts[0]: mount proc on /proc").join()).not.toContain("context");
    expect(under(text, "mounts[5]: mount sysfs on /sys").join()).not.toContain("context");
    const mqueue = under(text, "mounts[4]: mount mqueue on /dev/mqueue").join("\n");
    expect(mqueue).not.toContain("context");
    expect(mqueue).toMatch(
      new RegExp(`setxattr\\(<.*>, "security.selinux", "${label}", ${label.length}, 0\\).*EOPNOTSUPP`),
    );
    const masks = under(text, "linux.maskedPaths: make the tmpfs that all masked directories share").join(
      "\n",
    );
    expect(masks).toMatch(new RegExp(`fsconfig\\(%\\d+, 1, "context", "${label}", 0\\)`));
    const annotated = program((spec) => ({
      ...labelled(spec),
      annotations: { "run.oci.mount_context_type": "rootcontext" },
    }));
    expect(annotated).toContain(`rootcontext=\\"${label}\\"`);
  });
});
