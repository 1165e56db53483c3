/** Bad input: each gets one line that says what is wrong, a non-zero exit, and leaves nothing behind. */
import { describe, expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import type { IdMap, TestSpec } from "./support/spec.ts";

interface Case {
  readonly name: string;
  /** Changes a good spec into the bad one; or gives the text of config.json. */
  readonly edit?: (spec: TestSpec) => void;
  readonly text?: string | null;
  /** Other than a good id. */
  readonly id?: string;
  /** What the line must have of path, cause or remedy. Only brun's. */
  readonly says: readonly RegExp[];
  /** crun and runc take it. */
  readonly brunOnly?: true;
}

/** Sets a value that the types do not allow. */
const put = (object: object, key: string, value: unknown): void => {
  Object.assign(object, { [key]: value });
};

/** Maps both kinds of ids alike in a user namespace. */
function mapBoth(spec: TestSpec, maps: IdMap[]): void {
  const { namespaces } = spec.linux;
  if (!namespaces.some(({ type }) => type === "user")) namespaces.push({ type: "user" });
  spec.linux.uidMappings = spec.linux.gidMappings = maps;
}

const CASES: readonly Case[] = [
  { name: "no config.json", text: null, says: [/config\.json/, /no such file|does not exist|ENOENT/] },
  { name: "an empty config.json", text: "", says: [/config\.json/] },
  {
    name: "a syntax error",
    text: '{\n  "ociVersion": "1.0.2",\n  "process": {,\n}',
    says: [/config\.json: line 3, column 15: /],
  },
  { name: "an array", text: "[]", says: [/config\.json/, /object/i] },
  {
    name: "no ociVersion",
    edit: (s) => put(s, "ociVersion", undefined),
    says: [/ociVersion/],
  },
  {
    name: "an option that bind mounts do not have",
    edit: (s) =>
      put(s, "mounts", [
        ...s.mounts,
        { destination: "/x", type: "bind", source: "/etc", options: ["bind", "readonly"] },
      ]),
    says: [/mounts\[\d+\]\.options/, /readonly/],
    brunOnly: true,
  },
  { name: "no process", edit: (s) => put(s, "process", undefined), says: [/process/] },
  { name: "no args", edit: (s) => put(s.process, "args", []), says: [/process\.args/] },
  {
    name: "args of a wrong type",
    edit: (s) => put(s.process, "args", "sh"),
    says: [/process\.args/, /expected a list/],
  },
  {
    name: "a number as argument",
    edit: (s) => put(s.process, "args", ["sh", 5]),
    says: [/process\.args\[1\]/, /5|number/],
  },
  { name: "a relative cwd", edit: (s) => put(s.process, "cwd", "tmp"), says: [/process\.cwd/, /absolute/] },
  {
    name: "an unknown namespace",
    edit: (s) => s.linux.namespaces.push({ type: "spaceship" }),
    says: [/linux\.namespaces\[\d\]/, /spaceship/],
  },
  {
    name: "a namespace twice",
    edit: (s) => s.linux.namespaces.push({ type: "pid" }),
    says: [/namespaces/, /pid/],
  },
  {
    name: "an unknown rlimit",
    edit: (s) => put(s.process, "rlimits", [{ type: "RLIMIT_MOOD", hard: 1, soft: 1 }]),
    says: [/rlimits\[0\]/, /RLIMIT_MOOD/],
  },
  {
    name: "a soft rlimit above the hard one",
    edit: (s) => put(s.process, "rlimits", [{ type: "RLIMIT_NOFILE", hard: 1, soft: 2 }]),
    says: [/rlimits\[0\]/],
  },
  { name: "a missing root filesystem", edit: (s) => put(s.root, "path", "nowhere"), says: [/nowhere/] },
  {
    name: "a program that does not exist",
    edit: (s) => put(s.process, "args", ["/no/such/program"]),
    says: [/\/no\/such\/program/, /no such file|not found/i],
  },
  {
    name: "a program that is not on PATH",
    edit: (s) => put(s.process, "args", ["nosuchprogram"]),
    says: [/nosuchprogram/, /PATH/],
  },
  {
    name: "a program that is not executable",
    edit: (s) => put(s.process, "args", ["/etc/passwd"]),
    says: [/\/etc\/passwd/, /permission denied|not executable/i],
  },
  { name: "a program that is a directory", edit: (s) => put(s.process, "args", ["/etc"]), says: [/\/etc/] },
  {
    name: "a cwd that is a file",
    edit: (s) => put(s.process, "cwd", "/etc/passwd"),
    says: [/cwd|\/etc\/passwd/],
  },
  {
    name: "a mount without destination",
    edit: (s) => s.mounts.push({ type: "tmpfs" } as never),
    says: [/mounts\[\d\]\.destination/],
    brunOnly: true,
  },
  {
    name: "a mount of a missing source",
    edit: (s) => s.mounts.push({ destination: "/x", type: "bind", source: "/no/src", options: ["bind"] }),
    says: [/mounts\[\d\]/, /\/no\/src/],
  },
  {
    name: "a mount of an unknown type",
    edit: (s) => s.mounts.push({ destination: "/x", type: "nosuchfs", source: "x" }),
    says: [/mounts\[\d\]/, /nosuchfs/],
  },
  {
    name: "a hostname without uts namespace",
    edit: (s) =>
      put(
        s.linux,
        "namespaces",
        s.linux.namespaces.filter(({ type }) => type !== "uts"),
      ),
    says: [/hostname/, /uts/],
  },
  {
    name: "a sysctl of the host",
    edit: (s) => put(s.linux, "sysctl", { "vm.swappiness": "1" }),
    says: [/sysctl/, /vm\.swappiness/],
  },
  {
    name: "a namespace path that does not exist",
    edit: (s) => {
      s.linux.namespaces.find(({ type }) => type === "ipc")!.path = "/proc/self/ns/nope";
    },
    says: [/namespaces\[\d\]/, /nope/],
  },
  {
    name: "a namespace path of another kind",
    edit: (s) => {
      s.linux.namespaces.find(({ type }) => type === "ipc")!.path = "/proc/self/ns/uts";
    },
    says: [/namespaces\[\d\]/, /ipc|uts/],
  },
  {
    name: "id maps that overlap",
    edit: (s) => {
      mapBoth(s, [
        { containerID: 0, hostID: 100000, size: 10 },
        { containerID: 5, hostID: 200000, size: 10 },
      ]);
    },
    says: [/uidMappings\[1\]/, /also in the range of linux\.uidMappings\[0\]/],
  },
  {
    name: "a user that is not mapped",
    edit: (s) => {
      // The user's spec maps one id already.
      if (s.linux.uidMappings === undefined) mapBoth(s, [{ containerID: 0, hostID: 100000, size: 10 }]);
      s.process.user.uid = 10;
    },
    says: [/process\.user\.uid/, /10/, /map/],
  },
  {
    name: "a hook that fails",
    edit: (s) => put(s, "hooks", { createRuntime: [{ path: "/bin/false" }] }),
    says: [/hooks\.createRuntime\[0\]/, /\/bin\/false/],
  },
  {
    name: "a hook inside that fails",
    edit: (s) => put(s, "hooks", { createContainer: [{ path: "/bin/false" }] }),
    says: [/hooks\.createContainer\[0\]/, /\/bin\/false/],
  },
  {
    name: "a hook that hangs",
    edit: (s) =>
      put(s, "hooks", { createRuntime: [{ path: "/bin/sleep", args: ["sleep", "999"], timeout: 1 }] }),
    says: [/hooks\.createRuntime\[0\]/, /\/bin\/sleep/, /1 ?s|time/],
  },
  {
    name: "a hook inside that hangs",
    edit: (s) =>
      put(s, "hooks", { createContainer: [{ path: "/bin/sleep", args: ["sleep", "999"], timeout: 1 }] }),
    says: [/hooks\.createContainer\[0\]/, /\/bin\/sleep/, /1 ?s|time/],
  },
  {
    name: "an unknown seccomp action",
    edit: (s) => put(s.linux, "seccomp", { defaultAction: "SCMP_ACT_SHRUG" }),
    says: [/linux\.seccomp\.defaultAction/, /SCMP_ACT_SHRUG/],
  },
  {
    name: "a string for a number",
    edit: (s) => put(s.process.user, "uid", "root"),
    says: [/process\.user\.uid/, /integer/, /"root"/],
  },
  { name: "an id with a slash", id: "a/b", says: [/a\/b/] },
  { name: "an id of two dots", id: "..", says: [/\.\./] },
  { name: "an empty id", id: "", says: [/id/] },
  { name: "an id of 1,025 characters", id: "a".repeat(1025), says: [/1,?024|too long|length/] },
  { name: "an id with a space", id: "a b", says: [/id/] },
];

for (const subject of subjects()) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    for (const { name, edit, text, id, says, brunOnly } of CASES) {
      if (brunOnly && subject.runtime !== "brun") continue;
      test(name, async () => {
        await using box = new Sandbox(subject);
        const bundle = box.bundle(edit);
        if (text === null) rmSync(`${bundle}/config.json`);
        else if (text !== undefined) await Bun.write(`${bundle}/config.json`, text);
        for (const command of ["create", "run"]) {
          const outcome = await box.call([command, "--bundle", bundle, id ?? box.name()]);
          expect(outcome.code).not.toBe(0);
          expect(outcome.stdout).toBe("");
          if (subject.runtime === "brun") {
            expect(outcome.stderr.trim().split("\n")).toHaveLength(1);
            for (const pattern of says) expect(outcome.stderr).toMatch(pattern);
            expect(outcome.code).toBe(1);
          }
          await box.untilGone();
          // A state directory that was never made cannot be listed.
          if (existsSync(box.state)) expect(await box.ok(["list", "--quiet"])).toBe("");
        }
      });
    }

    test("a missing bundle, unknown commands and flags, missing and extra arguments", async () => {
      await using box = new Sandbox(subject);
      const bundle = box.bundle();
      const bad = [
        ["run", "--bundle", "/no/such/bundle", "x"],
        ["nosuchcommand"],
        ["run", "--no-such-flag", "x"],
        ["run", "--bundle", bundle],
        ["state"],
        ["start"],
        ["kill"],
        ["delete"],
        ["exec"],
        ["exec", "x"],
        ["state", "nobody"],
        ["start", "nobody"],
        ["kill", "nobody", "TERM"],
      ];
      if (subject.runtime === "brun") bad.push(["state", "a", "b"], ["run", "--bundle", bundle, "a", "b"]);
      for (const args of bad) {
        const { code, stderr } = await box.call(args);
        expect(`${args.join(" ")}: ${code === 0 ? "succeeds" : "fails"}`).toBe(`${args.join(" ")}: fails`);
        if (subject.runtime === "brun")
          expect(`${args.join(" ")}: ${stderr.trim().split("\n").length}`).toBe(`${args.join(" ")}: 1`);
      }
      await box.untilGone();
    });
  });
}
