import { expect, test } from "bun:test";
import type { Spec } from "../spec.ts";
import { cases, check, mapping, without } from "../testing/cases.ts";

const uts = (spec: Spec) => spec.linux.namespaces!.findIndex(({ type }) => type === "uts");

cases("linux", [
  [
    "twice",
    (s) => {
      s.linux.namespaces!.push({ type: "pid" });
    },
    "! linux.namespaces[5].type: pid is listed twice",
  ],
  [
    "relative path",
    (s) => {
      s.linux.namespaces![uts(s)]!.path = "proc/1/ns/uts";
    },
    '! linux.namespaces[3].path: expected an absolute path but found "proc/1/ns/uts"',
  ],
  [
    "none",
    (s) => {
      s.linux = {};
      s.hostname = "";
      s.mounts = [];
    },
  ],
  [
    "mappings without a user namespace",
    (s) => {
      s.linux.gidMappings = [mapping(0, 1, 1)];
    },
    "! linux.gidMappings: needs a user namespace in linux.namespaces",
  ],
  [
    "user namespace without mappings",
    (s) => {
      s.linux.namespaces!.push({ type: "user" });
    },
    "! linux.uidMappings: missing, a new user namespace needs uidMappings and gidMappings",
  ],
  [
    "joined user namespace",
    (s) => {
      s.linux.namespaces!.push({ type: "user", path: "/proc/1/ns/user" });
    },
  ],
  [
    "time offsets without a namespace",
    (s) => {
      s.linux.timeOffsets = { boottime: { secs: 1 } };
    },
    "! linux.timeOffsets: needs a time namespace in linux.namespaces",
  ],
  [
    "time offsets of a joined namespace",
    (s) => {
      s.linux.namespaces!.push({ type: "time", path: "/x" });
      s.linux.timeOffsets = { boottime: { secs: 1 } };
    },
    "! linux.timeOffsets: cannot be set in the time namespace that is joined",
  ],
  [
    "time offset too large",
    (s) => {
      s.linux.namespaces!.push({ type: "time" });
      s.linux.timeOffsets = { monotonic: { nanosecs: 1e9 } };
    },
    "! linux.timeOffsets.monotonic.nanosecs: expected at most 999999999 but found 1000000000",
  ],
  [
    "unknown clock",
    (s) => {
      s.linux.namespaces!.push({ type: "time" });
      s.linux.timeOffsets = { realtime: {} } as object;
    },
    '! linux.timeOffsets: expected the clocks monotonic and boottime but found "realtime"',
  ],
  [
    "no time offsets",
    (s) => {
      s.linux.timeOffsets = {};
    },
  ],
  [
    "masked paths without a mount namespace",
    (s) => {
      without(s, "mount");
      s.linux.readonlyPaths = [];
    },
    "! linux.maskedPaths: needs a mount namespace in linux.namespaces",
  ],
  [
    "masked and read-only paths that are relative or empty, and other empty strings",
    (s) => {
      s.linux.maskedPaths = ["/a", "b", ""];
      s.linux.readonlyPaths = ["./b", ""];
      s.linux.rootfsPropagation = "";
      s.linux.resources = { devices: [{ allow: false, type: "", access: "rwm" }] };
    },
  ],
  [
    "cgroupsPath",
    (s) => {
      s.linux.cgroupsPath = "a..b/c";
    },
  ],
  [
    "cgroupsPath with ..",
    (s) => {
      s.linux.cgroupsPath = "/a/../b";
    },
    '! linux.cgroupsPath: expected a path without .. but found "/a/../b"',
  ],
  [
    "mountLabel",
    (s) => {
      s.linux.mountLabel = 'x",uid=0,"';
    },
    '! linux.mountLabel: expected a label without quotes but found "x\\",uid=0,\\""',
  ],
  [
    "personality flags",
    (s) => {
      s.linux.personality = { domain: "LINUX", flags: ["X"] };
    },
    "linux.personality.flags: ignored, none is defined",
  ],
]);

test("where brun adds a user namespace, what needs one is not refused", () => {
  expect(
    check((s) => {
      s.linux.gidMappings = [mapping(0, 1, 1)];
    }, true),
  ).toEqual([]);
  expect(
    check((s) => {
      s.linux.namespaces!.push({ type: "user" });
    }, true),
  ).toEqual([]);
  expect(
    check((s) => {
      s.linux.sysctl = { "user.max_user_namespaces": "1" };
    }, true),
  ).toEqual([]);
  expect(
    check((s) => {
      s.mounts!.push({ destination: "/x", options: ["bind", "idmap"] });
    }, true),
  ).toEqual([]);
});
