import { describe, expect, test } from "bun:test";
import { type CgroupHost, mounted, ownPaths } from "./host.ts";
import { cleanPath, expandSlice, isUnitPath, unitPath } from "./path.ts";
import { type CgroupRequest, delegationRemedy, type PlanView, planCgroup } from "./plan.ts";

const unified = (own: string | null): CgroupHost => ({
  version: 2,
  hierarchies: [{ name: "", mountPoint: "/sys/fs/cgroup", own }],
});
const legacy: CgroupHost = {
  version: 1,
  hierarchies: [
    { name: "memory", mountPoint: "/sys/fs/cgroup/memory", own: "/a" },
    { name: "name=systemd", mountPoint: "/sys/fs/cgroup/systemd", own: "/" },
    { name: "", mountPoint: "/sys/fs/cgroup/unified", own: "/" },
  ],
};

function view(host: CgroupHost, more: Partial<PlanView> = {}): PlanView {
  return { host, systemd: () => null, exists: () => true, writable: () => true, uid: 1000, ...more };
}

function request(more: Partial<CgroupRequest> = {}): CgroupRequest {
  return {
    id: "web",
    manager: "auto",
    rootless: false,
    cgroupsPath: undefined,
    resources: undefined,
    ...more,
  };
}

const limited = { pids: { limit: 5 } };
const user = (control = "/user.slice/user-1000.slice/user@1000.service") => ({ systemd: () => control });

describe("root", () => {
  test("v2 without a path: beside the own cgroup", () => {
    expect(planCgroup(request(), view(unified("/s/session-1.scope")))!.paths).toEqual({
      "": "/sys/fs/cgroup/s/web",
    });
    expect(planCgroup(request(), view(unified("/")))!.paths).toEqual({ "": "/sys/fs/cgroup/web" });
  });
  test("v2 with a path, which cannot lead out", () => {
    const paths = (cgroupsPath: string) =>
      planCgroup(request({ cgroupsPath }), view(unified("/s/x")))!.paths[""];
    expect(paths("/pod/web")).toBe("/sys/fs/cgroup/pod/web");
    expect(paths("/../../etc/x")).toBe("/sys/fs/cgroup/etc/x");
    expect(paths("pod")).toBe("/sys/fs/cgroup/s/pod");
    expect(paths("../../pod")).toBe("/sys/fs/cgroup/s/pod");
    expect(() => paths("/")).toThrow("the root of the hierarchy");
  });
  test("parents that are missing are remembered, deepest first", () => {
    const exists = (path: string) => path.length <= "/sys/fs/cgroup".length;
    const plan = planCgroup(request({ cgroupsPath: "/a/b/c" }), view(unified("/"), { exists }));
    expect(plan!.parents).toEqual(["/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a"]);
  });
  test("v1: below the own cgroup of each hierarchy, or below each mount", () => {
    expect(planCgroup(request(), view(legacy))).toEqual({
      version: 1,
      paths: {
        memory: "/sys/fs/cgroup/memory/a/web",
        "name=systemd": "/sys/fs/cgroup/systemd/web",
        "": "/sys/fs/cgroup/unified/web",
      },
      parents: undefined,
    });
    expect(planCgroup(request({ cgroupsPath: "/x" }), view(legacy))!.paths.memory).toBe(
      "/sys/fs/cgroup/memory/x",
    );
  });
  test("v1 has no unified resources", () => {
    const resources = { unified: { "memory.high": "1" } };
    expect(() => planCgroup(request({ resources }), view(legacy))).toThrow("needs cgroup v2");
  });
  test("a path in systemd's form asks systemd", () => {
    const plan = planCgroup(
      request({ cgroupsPath: "machine.slice:libpod:abc" }),
      view(unified("/"), { systemd: () => "/" }),
    );
    expect(plan).toEqual({
      version: 2,
      paths: { "": "/sys/fs/cgroup/machine.slice/libpod-abc.scope" },
      systemd: { name: "libpod-abc.scope", slice: "machine.slice", user: false },
      rootless: undefined,
    });
    expect(() => planCgroup(request({ manager: "systemd" }), view(unified("/")))).toThrow("does not answer");
  });
});

describe("a user", () => {
  const asked = request({ rootless: true, resources: limited });
  test("systemd is asked first", () => {
    const plan = planCgroup(asked, view(unified("/x"), user()));
    expect(plan!.systemd).toEqual({ name: "brun-web.scope", slice: "user.slice", user: true });
    expect(plan!.paths[""]).toBe(
      "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/brun-web.scope",
    );
  });
  test("else a delegated cgroup: beside the own one, or below it", () => {
    expect(planCgroup(asked, view(unified("/d/me")))!.paths[""]).toBe("/sys/fs/cgroup/d/web");
    const writable = (path: string) => path.startsWith("/sys/fs/cgroup/d/me");
    expect(planCgroup(asked, view(unified("/d/me"), { writable }))!.paths[""]).toBe(
      "/sys/fs/cgroup/d/me/web",
    );
  });
  test("a path is taken where it may be written, else systemd names the cgroup", () => {
    const given = { ...asked, cgroupsPath: "/d/web" };
    expect(planCgroup(given, view(unified("/d/me"), user()))!.systemd).toBeUndefined();
    expect(planCgroup(given, view(unified("/"), { ...user(), writable: () => false }))!.systemd!.name).toBe(
      "brun-web.scope",
    );
  });
  test("without any, limits are refused and nothing else is", () => {
    const none = view(unified("/"), { writable: () => false });
    expect(() => planCgroup(asked, none)).toThrow("no cgroup of its own");
    expect(planCgroup(request({ rootless: true, manager: "cgroupfs" }), none)).toBeNull();
    expect(() => planCgroup(asked, view(legacy))).toThrow("cgroup v1, where only root");
    expect(planCgroup(request({ rootless: true, manager: "cgroupfs" }), view(legacy))).toBeNull();
    expect(() => planCgroup(request({ rootless: true, cgroupsPath: "/x" }), view(legacy))).toThrow(
      "cgroup v1",
    );
  });
});

describe("without a cgroup of its own, what gives the caller one", () => {
  const remedy = (own: string, ...there: string[]) =>
    delegationRemedy({ host: unified(own), exists: (path) => there.includes(path), uid: 1000 }).hint;
  const systemd = "/run/systemd/system";

  test.each([
    ["a login without a user manager", "/user.slice/user-1000.slice/session-1.scope"],
    ["a job of cron", "/system.slice/cron.service"],
    ["ssh without PAM", "/system.slice/ssh.service"],
  ])("%s: lingering", (_, own) => {
    expect(remedy(own, systemd)).toStartWith('run "loginctl enable-linger 1000" as root');
  });
  test("a service: Delegate=yes", () => {
    for (const own of ["/system.slice/ci@1.service", "/system.slice/system-ci.slice/ci@1.service/init"]) {
      expect(remedy(own, systemd)).toStartWith("add Delegate=yes to ci@1.service");
    }
  });
  test("a container, and a machine without systemd", () => {
    expect(remedy("/", "/run/.containerenv")).toContain("unmask=/sys/fs/cgroup");
    expect(remedy("/", "/.dockerenv")).toContain("--privileged");
    expect(remedy("/")).toContain("cgroup.subtree_control to the caller");
  });
});

describe("a part for the container to manage", () => {
  const asking = (more: Partial<CgroupRequest> = {}) => request({ delegate: "/a/./b/", ...more });
  test("lies below the cgroup, deepest first, whoever makes that", () => {
    const levels = (top: string) => [`${top}/a/b`, `${top}/a`];
    expect(planCgroup(asking(), view(unified("/s/x")))!.delegated).toEqual(levels("/sys/fs/cgroup/s/web"));
    const unit = planCgroup(asking({ rootless: true }), view(unified("/x"), user()))!;
    expect(unit.delegated).toEqual(levels(unit.paths[""]!));
    expect(planCgroup(request(), view(unified("/")))!.delegated).toBeUndefined();
  });
  test("is refused with v1, and without a cgroup", () => {
    const where = 'annotations["run.oci.delegate-cgroup"]';
    const none = view(unified("/"), { writable: () => false });
    for (const [given, machine, message] of [
      [asking(), view(legacy), "needs cgroup v2"],
      [asking({ rootless: true }), view(legacy), "this host has cgroup v1"],
      [asking({ rootless: true }), none, "no cgroup of its own"],
    ] as const) {
      const planning = () => planCgroup(given, machine);
      expect(planning).toThrow(message);
      expect(planning).toThrow(expect.objectContaining({ where }));
    }
  });
});

describe("names", () => {
  test("slices", () => {
    expect(expandSlice("system.slice")).toBe("/system.slice");
    expect(expandSlice("a-b-c.slice")).toBe("/a.slice/a-b.slice/a-b-c.slice");
    expect(expandSlice("-.slice")).toBe("/");
    for (const bad of ["a", ".slice", "a--b.slice", "-a.slice", "a/b.slice"]) {
      expect(() => expandSlice(bad)).toThrow("not the name of a slice");
    }
  });
  test("units", () => {
    expect(unitPath(undefined, "x", true)).toEqual({ slice: "user.slice", unit: "brun-x.scope" });
    expect(unitPath(":p:n", "x", false)).toEqual({ slice: "system.slice", unit: "p-n.scope" });
    expect(unitPath("a.slice::n", "x", false)).toEqual({ slice: "a.slice", unit: "n.scope" });
    expect(unitPath("a.slice:p:b.slice", "x", false).unit).toBe("b.slice");
    for (const bad of ["a", "a.slice:b", "a.slice:b:", "a.slice:b/c:d", "a b.slice:c:d"]) {
      expect(() => unitPath(bad, "x", false)).toThrow();
    }
    expect(isUnitPath("/a:b:c")).toBe(false);
    expect(cleanPath("/a//../b/./c")).toBe("b/c");
  });
});

test("hierarchies of a host with v1, a named one, and the unified one", () => {
  const own = ownPaths("5:cpu,cpuacct:/x\n2:name=systemd:/docker/i d/sub\n1:memory:/../up\n0::/\n");
  const mountinfo = [
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755",
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
    "33 31 0:30 /docker/i\\040d /sys/fs/cgroup/systemd rw - cgroup systemd rw,xattr,name=systemd",
    "34 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
    "35 31 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
  ];
  expect(mounted(mountinfo.join("\n"), own)).toEqual([
    { name: "cpu,cpuacct", mountPoint: "/sys/fs/cgroup/cpu,cpuacct", own: "/x" },
    { name: "name=systemd", mountPoint: "/sys/fs/cgroup/systemd", own: "/sub" },
    { name: "memory", mountPoint: "/sys/fs/cgroup/memory", own: null },
    { name: "", mountPoint: "/sys/fs/cgroup/unified", own: "/" },
  ]);
});
