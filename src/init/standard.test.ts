import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "../config/resolve.ts";
import type { ContainerConfig } from "../config/types.ts";
import type { Spec } from "../spec/index.ts";
import { specTemplate } from "../spec/template.ts";
import { describeProgram } from "../stage/describe.ts";
import { setnsInit } from "./setns.ts";
import { type HookStates, recordedPrograms, StandardInit } from "./standard.ts";

const ranges = [{ start: 100000, size: 65535, origin: "/etc/subuid:1" }];

/** A config as the CLI would decide it, on a host that is always the same. */
function configFor(
  spec: Spec,
  options: { user?: boolean; subids?: boolean; extra?: Partial<ContainerConfig> },
) {
  const rootless = options.user ?? true;
  const id = rootless ? 1000 : 0;
  const resolved = resolve({
    spec,
    bundle: "/bundle",
    caller: { uid: id, gid: id, userName: "dev", privileged: !rootless },
    rootless,
    addUserNamespace: rootless,
    subids: () => (options.subids ? { uid: ranges, gid: ranges } : { uid: [], gid: [] }),
    rlimits: new Map(),
    oomScoreAdj: 0,
    setgroupsDenied: () => false,
  });
  const config: ContainerConfig = {
    ...resolved,
    id: "golden",
    bundle: "/bundle",
    privileged: !rootless,
    facts: {
      sources: new Map([[5, "dir"]]),
      home: "/root",
      ownStdio: [],
      terminalSize: [24, 80],
      cgroup2: true,
      cgroupBinds: [],
    },
    seccomp: null,
    cgroup: null,
    cloneInto: null,
    noPivot: false,
    newKeyring: true,
    preserveFds: 0,
    extraEnv: [],
    execFifo: null,
    ...options.extra,
  };
  return config;
}

/** Compares with src/init/golden/NAME.txt; BRUN_GOLDEN=write writes it instead. */
function golden(name: string, text: string): void {
  const file = `${import.meta.dir}/golden/${name}.txt`;
  if (process.env.BRUN_GOLDEN === "write" || !existsSync(file)) {
    if (process.env.CI) throw new Error(`${file} is missing`);
    writeFileSync(file, text);
  }
  expect(text).toBe(readFileSync(file, "utf8"));
}

/** All programs of a config as one text. */
function programs(config: ContainerConfig, state: HookStates | null = null): string {
  return recordedPrograms(config, state)
    .map((program) => describeProgram(program.ops))
    .join("\n");
}

function plain(rootless: boolean): Spec {
  const spec = specTemplate(rootless);
  const own = [{ containerID: 0, hostID: 1000, size: 1 }];
  const maps = rootless ? { uidMappings: own, gidMappings: own } : {};
  return { ...spec, process: { ...spec.process!, terminal: false }, linux: { ...spec.linux!, ...maps } };
}

function withoutUser(spec: Spec): Spec {
  const { uidMappings: _u, gidMappings: _g, ...linux } = spec.linux!;
  return { ...spec, linux };
}

describe("standard init compiles to the program in the golden file", () => {
  test("the default spec of a user, a single id, create", () => {
    const config = configFor(plain(true), { extra: { execFifo: "/run/user/1000/brun/golden/exec.fifo" } });
    golden("user-single-id", programs(config));
  });

  test("65,536 ids, a terminal", () => {
    const spec = withoutUser(specTemplate(true));
    golden("user-65536-ids-terminal", programs(configFor(spec, { subids: true })));
  });

  test("the default spec of root, as root", () => {
    golden("root", programs(configFor(plain(false), { user: false })));
  });

  test("the default spec of root, as a user", () => {
    golden("root-spec-as-user", programs(configFor(plain(false), {})));
  });

  test("hooks: three programs", () => {
    const hook = (path: string) => [{ path, args: [path, "x"], env: ["A=b"], timeout: 5 }];
    const hooks = {
      createRuntime: hook("/h/1"),
      createContainer: hook("/h/2"),
      startContainer: hook("/h/3"),
    };
    const config = configFor({ ...plain(true), hooks }, {});
    const states = { creating: '{"status":"creating"}', created: '{"status":"created"}' };
    golden("hooks", programs(config, states));
  });

  test("exec", () => {
    const base = configFor(plain(true), {});
    const process = { ...base.spec.process!, args: ["ls", "-l"], terminal: true, user: { uid: 1, gid: 2 } };
    const namespaces = base.cloneFlags;
    golden(
      "exec",
      describeProgram(setnsInit({ ...base, process, namespaces, userNamespace: true, pidfd: 9 }, true).ops),
    );
  });
});

test("recording changes nothing in the bytes", () => {
  const config = configFor(plain(true), {});
  const init = new StandardInit(config);
  const bytes = [init.enter().bytes, init.build().bytes];
  expect(recordedPrograms(config, null).map((p) => p.bytes)).toEqual(bytes);
});

test("a NUL byte in a string is refused", () => {
  const spec = plain(true);
  spec.process!.args = ["a\0b"];
  expect(() => recordedPrograms(configFor(spec, {}), null)).toThrow(RangeError);
});
