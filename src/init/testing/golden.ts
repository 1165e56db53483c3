/** Configs whose programs are in the golden files. The fuzzer of the C stage starts with them, too. */
import { resolve } from "../../config/resolve.ts";
import type { ContainerConfig } from "../../config/types.ts";
import type { Program } from "../../plan/program.ts";
import type { Spec } from "../../spec/index.ts";
import { specTemplate } from "../../spec/template.ts";
import { setnsInit } from "../setns.ts";
import { type HookStates, recordedPrograms } from "../standard.ts";

const ranges = [{ start: 100000, size: 65535, origin: "/etc/subuid:1" }];

/** A config as the CLI would make it, on a fixed host. */
export function configFor(
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

/** The template of `brun spec`, with the id map that it gets for uid 1000. */
export function plain(rootless: boolean): Spec {
  const spec = specTemplate(rootless);
  const own = [{ containerID: 0, hostID: 1000, size: 1 }];
  const maps = rootless ? { uidMappings: own, gidMappings: own } : {};
  return { ...spec, process: { ...spec.process!, terminal: false }, linux: { ...spec.linux!, ...maps } };
}

function withoutUser(spec: Spec): Spec {
  const { uidMappings: _u, gidMappings: _g, ...linux } = spec.linux!;
  return { ...spec, linux };
}

const hook = (path: string) => [{ path, args: [path, "x"], env: ["A=b"], timeout: 5 }];

const hooks = {
  createRuntime: hook("/h/1"),
  createContainer: hook("/h/2"),
  startContainer: hook("/h/3"),
};

const states: HookStates = { creating: '{"status":"creating"}', created: '{"status":"created"}' };

function execProgram(): Program {
  const base = configFor(plain(true), {});
  const process = { ...base.spec.process!, args: ["ls", "-l"], terminal: true, user: { uid: 1, gid: 2 } };
  return setnsInit(
    {
      ...base,
      process,
      namespaces: base.cloneFlags,
      userNamespace: true,
      target: { pid: 4711, startTime: "123" },
    },
    true,
  );
}

/** The name of a golden file, its description, and its recorded programs. */
export interface GoldenCase {
  readonly name: string;
  readonly title: string;
  readonly programs: () => readonly Program[];
}

const standard = (config: ContainerConfig, state: HookStates | null = null) =>
  recordedPrograms(config, state);

export const goldenCases: readonly GoldenCase[] = [
  {
    name: "user-single-id",
    title: "the default spec of a user, a single id, create",
    programs: () =>
      standard(configFor(plain(true), { extra: { execFifo: "/run/user/1000/brun/golden/exec.fifo" } })),
  },
  {
    name: "user-65536-ids-terminal",
    title: "65,536 ids, a terminal",
    programs: () => standard(configFor(withoutUser(specTemplate(true)), { subids: true })),
  },
  {
    name: "root",
    title: "the default spec of root, as root",
    programs: () => standard(configFor(plain(false), { user: false })),
  },
  {
    name: "root-spec-as-user",
    title: "the default spec of root, as a user",
    programs: () => standard(configFor(plain(false), {})),
  },
  {
    name: "hooks",
    title: "hooks: three programs",
    programs: () => standard(configFor({ ...plain(true), hooks }, {}), states),
  },
  { name: "exec", title: "exec", programs: () => [execProgram()] },
];
