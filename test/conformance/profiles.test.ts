/**
 * The default seccomp profiles of Docker and podman: what becomes of each system call is the same under brun, crun and
 * runc. The profiles are those that are installed (Debian's golang-github-containers-common and
 * golang-github-docker-docker-dev), or that DOCKER_SECCOMP names.
 */
import { describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { callers } from "../support/caller.ts";
import { compiled } from "../support/compiled.ts";
import { ALL_RUNTIMES, subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { capabilitySets, DOCKER_CAPABILITIES } from "../support/spec.ts";

const DOCKER = "/usr/share/gocode/src/github.com/docker/docker/profiles/seccomp/default.json";

const PROFILES = {
  podman: "/usr/share/containers/seccomp.json",
  docker: process.env.DOCKER_SECCOMP ?? DOCKER,
};

/** Behind what any profile knows, and what the kernel has. */
const LAST = 560;

interface Rule {
  readonly names: string[];
  readonly action: string;
  readonly args?: object[] | null;
  readonly errnoRet?: number;
  readonly includes?: Condition;
  readonly excludes?: Condition;
}

interface Condition {
  readonly caps?: string[];
  readonly arches?: string[];
  readonly minKernel?: string;
}

interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly syscalls: Rule[];
}

/** What Docker and podman make of their profile for a container with Docker's capabilities: linux.seccomp. */
function resolved(path: string): object {
  const profile: Profile = JSON.parse(readFileSync(path, "utf8"));
  const arches = process.arch === "arm64" ? ["arm64", "arm"] : ["amd64", "x86", "x32"];
  const hasArch = (list: string[] = []): boolean => list.some((arch) => arches.slice(0, 1).includes(arch));
  const hasCaps = (list: string[] = []): boolean => list.every((cap) => DOCKER_CAPABILITIES.includes(cap));
  const applies = ({ includes = {}, excludes = {} }: Rule): boolean => {
    if (includes.arches?.length && !hasArch(includes.arches)) return false;
    if (includes.caps?.length && !hasCaps(includes.caps)) return false;
    if (excludes.arches?.length && hasArch(excludes.arches)) return false;
    return !(excludes.caps?.length && hasCaps(excludes.caps));
  };
  const architectures = arches.map(
    (arch) => `SCMP_ARCH_${{ amd64: "X86_64", arm64: "AARCH64" }[arch] ?? arch.toUpperCase()}`,
  );
  const syscalls = profile.syscalls.filter(applies).map(({ names, action, args, errnoRet }) => ({
    names,
    action,
    ...(args?.length ? { args } : {}),
    ...(errnoRet === undefined ? {} : { errnoRet }),
  }));
  const { defaultAction, defaultErrnoRet } = profile;
  return {
    defaultAction,
    ...(defaultErrnoRet === undefined ? {} : { defaultErrnoRet }),
    architectures,
    syscalls,
  };
}

/** What becomes of each call under the profile: lines of calls.c. */
async function table(
  runtime: (typeof ALL_RUNTIMES)[number],
  caller: string,
  path: string,
): Promise<string[]> {
  const subject = subjects([runtime]).find((one) => one.caller.name === caller)!;
  await using box = new Sandbox(subject);
  const bundle = box.bundle((spec) => {
    spec.linux.seccomp = resolved(path);
    spec.process.capabilities = capabilitySets(DOCKER_CAPABILITIES);
    spec.process.args = ["/calls", `${LAST}`];
  });
  copyFileSync(compiled(`${import.meta.dir}/calls.c`), `${bundle}/rootfs/calls`);
  const { stdout, stderr, code } = await box.call(["run", "--bundle", bundle, box.name()]);
  if (code !== 0) throw new Error(`${runtime}: ${stderr}`);
  return stdout.split("\n").filter(Boolean);
}

describe.each(Object.entries(PROFILES))("%s's default profile", (_name, path) => {
  for (const { name: caller } of callers()) {
    const peers = ALL_RUNTIMES.filter(
      (runtime) =>
        runtime !== "brun" &&
        subjects([runtime]).find((one) => one.caller.name === caller)!.unavailable === undefined,
    );
    for (const peer of peers) {
      test.skipIf(!existsSync(path))(
        `as ${caller}: each system call has the same end under ${peer}`,
        async () => {
          const brun = await table("brun", caller, path);
          expect(brun.length).toBeGreaterThan(LAST - 2);
          // It refuses something, and lets most things happen.
          expect(brun.filter((line) => / (1|38)$/.test(line)).length).toBeGreaterThan(30);
          expect(brun.filter((line) => / (14|22|9|done)$/.test(line)).length).toBeGreaterThan(200);
          const theirs = await table(peer, caller, path);
          const differences = brun.filter((line, i) => line !== theirs[i]);
          // crun gives the default errno to what is newer than the profile; runc, and so brun, says ENOSYS.
          const newer = (line: string) =>
            peer === "crun" && / 38$/.test(line) && Number.parseInt(line, 10) > 430;
          expect(differences.filter((line) => !newer(line))).toEqual([]);
        },
      );
    }
  }
});
