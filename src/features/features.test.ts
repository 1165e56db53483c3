import { expect, test } from "bun:test";
import { features } from "./features.ts";

const found = features();

test("fields stand in the order of the runtime-spec's features.md, as runc prints them", () => {
  expect(Object.keys(found)).toEqual([
    "ociVersionMin",
    "ociVersionMax",
    "hooks",
    "mountOptions",
    "linux",
    "annotations",
    "potentiallyUnsafeConfigAnnotations",
  ]);
  expect(Object.keys(found.linux)).toEqual([
    "namespaces",
    "capabilities",
    "cgroup",
    "seccomp",
    "apparmor",
    "selinux",
    "intelRdt",
    "memoryPolicy",
    "mountExtensions",
    "netDevices",
  ]);
});

test("annotations that change what brun does are named, by prefix", () => {
  expect(found.potentiallyUnsafeConfigAnnotations).toEqual([
    "org.systemd.property.",
    "run.oci.",
    "org.criu.config",
  ]);
});

test("lists are sorted and without doubles, hooks and capabilities in their own order", () => {
  const { mountOptions, linux } = found;
  const { actions = [], operators = [], archs = [] } = linux.seccomp;
  for (const list of [mountOptions, linux.namespaces, actions, operators, archs]) {
    expect(list).toEqual([...new Set(list)].sort());
  }
  expect(found.hooks).toEqual([
    "prestart",
    "createRuntime",
    "createContainer",
    "startContainer",
    "poststart",
    "poststop",
  ]);
  expect(linux.capabilities[0]).toBe("CAP_CHOWN");
  expect(linux.capabilities).toHaveLength(41);
});

test("seccomp: what the kernel supports is among what is known", () => {
  const { enabled, knownFlags = [], supportedFlags = [], archs } = found.linux.seccomp;
  if (!enabled) return;
  expect(knownFlags).toContain("SECCOMP_FILTER_FLAG_TSYNC");
  expect(supportedFlags.filter((flag) => !knownFlags.includes(flag))).toEqual([]);
  expect(archs).toContain(process.arch === "arm64" ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64");
  expect(found.annotations["io.github.seccomp.libseccomp.version"]).toMatch(/^\d+\.\d+\.\d+$/);
});
