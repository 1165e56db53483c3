/** Programs that use the TypeScript API, run in Bun or Node as a caller, and what they must say. */
import { expect } from "bun:test";
import { existsSync } from "node:fs";
import type { Caller } from "../support/caller.ts";
import type { Network } from "../support/network.ts";
import { inPrivateMounts } from "../support/runtime.ts";
import type { Sandbox } from "../support/sandbox.ts";
import { brunPath, workspace } from "../support/workspace.ts";

const ROOT = `${import.meta.dir}/../..`;

/** What executes a program: Bun, or a Node by its path. */
export type Engine = "bun" | { readonly node: string };

/** The program as one file beside a copy of brun. It has neither Bun's globals nor its modules but where it asks first. */
export async function bundled(path: string): Promise<string> {
  const outdir = `${workspace()}/api`;
  const out = `${outdir}/${path.replace(/.*\//, "").replace(/ts$/, "mjs")}`;
  if (existsSync(out)) return out;
  const { success, logs } = await Bun.build({
    entrypoints: [`${ROOT}/${path}`],
    target: "node",
    external: ["bun:ffi"],
    naming: "[name].mjs",
    outdir,
  });
  if (!success) throw new AggregateError(logs);
  return out;
}

/** What a program has printed. */
// biome-ignore lint/suspicious/noExplicitAny: JSON, of which each field is compared.
type Seen = Record<string, any>;

/** What a program has left. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program as the caller, in the namespace of a network if there is one. brun is Bun, too, which spares looking for one that the caller can read. */
export async function runProgram(
  engine: Engine,
  caller: Caller,
  box: Sandbox,
  path: string,
  args: readonly string[],
  stdin = "",
  network?: Network,
): Promise<Ran> {
  const file = await bundled(path);
  const executable = engine === "bun" ? brunPath() : engine.node;
  const argv = [...caller.prefix, executable, file, ...args];
  const binds = Object.entries(network?.options.binds ?? {}).map(([source, target]) => `${source}:${target}`);
  const around = network === undefined ? argv : network.inHost(...inPrivateMounts(binds, argv));
  const child = Bun.spawn(around, {
    cwd: box.dir,
    env: {
      ...box.env,
      ...(engine === "bun" && { BUN_BE_BUN: "1" }),
      BRUN: brunPath(),
      PATH: `${workspace()}:${box.env.PATH}`,
    },
    stdio: [new Blob([stdin]), "pipe", "pipe"],
    timeout: 50000,
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

/** What test/api/scenario.ts has to print. */
export function expectScenario(seen: Seen, rootfs: string): void {
  // 0, 1, 2 and that of ls: nothing of brun or of the program.
  expect(seen.output).toEqual({ exitCode: 3, stdout: "input\nopened\n4\n", stderr: "error\n" });
  expect(seen.bigInput.trim()).toBe("1000000");
  expect(seen.bigOutput).toBe(3_000_000);
  expect(seen.piped).toEqual({ exitCode: 0, stdout: "one\ntwo\n", stderr: "" });
  expect([seen.unread, seen.deaf]).toEqual([0, 0]);
  expect(seen.statuses).toEqual(["created", "running", "stopped"]);
  expect(seen.listed).toEqual(["made"]);
  expect(seen.exec).toEqual({ exitCode: 4, stdout: "b /tmp\n", stderr: "" });
  expect([seen.exit, seen.execKilled, seen.execSignalled]).toEqual([9, [137], 7]);
  expect(seen.processes).toBe(true);
  expectErrors(seen);
  expectAborts(seen);
  expect(seen.responsive).toBe(true);
  expect(seen.explain).toEqual([rootfs, true, ["sh"]]);
  expect(seen.network).toMatchObject(["changed", ["b.example:22"], { code: "ERR_USAGE" }]);
  expect([seen.doctor, seen.features]).toEqual([true, "1.3.0"]);
  expect(seen.sandbox.stdout).toMatch(/^NoNewPrivs:\s0\nSeccomp:\s2\nb [2-9] \/tmp\nbrun:\[init\]\n7\n$/);
  expect(seen.withoutInit).toBe("1\n");
  expect(seen.host).toEqual({ exitCode: 6, stdout: "piped", stderr: "" });
  const whole = { exitCode: 0, stdout: "whole\n", stderr: "" };
  expect(seen.returned).toEqual([whole, whole, whole]);
  expect(seen.terminal).toContain("/dev/");
  expect(seen.fifty).toBe(true);
  // Nothing is left in the state directory or of the program itself, and its signals are its own.
  expect([seen.left, seen.children, seen.descriptors]).toEqual([[], [], 0]);
  expect(seen.untouched).toEqual([false, true]);
}

function failure(code: string, message: string, path?: string) {
  return {
    name: "BrunError",
    code,
    message: expect.stringContaining(message),
    ...(path === undefined ? {} : { path }),
  };
}

function expectErrors(seen: Seen): void {
  expect(seen.execMissing).toMatchObject(failure("ENOENT", "executable file not found in $PATH"));
  expect(seen.startAgain).toMatchObject(failure("ERR_STATE", "cannot start a container that has stopped"));
  expect(seen.notFound).toMatchObject(failure("ERR_NOT_FOUND", "does not exist"));
  expect(seen.badId).toMatchObject(failure("ERR_ID", "invalid container ID format"));
  expect(seen.missing).toMatchObject(failure("ENOENT", "not found in $PATH"));
  expect(seen.badSpec).toMatchObject(
    failure("ERR_CONFIG", 'process.args: expected a list but found "sh"', "process.args"),
  );
  expect(seen.noBundle).toMatchObject(failure("ENOENT", "no such file", "/nowhere/config.json"));
  expect(seen.noBundle.hint).toContain("--bundle");
  expect(seen.noBrun).toMatchObject(failure("ERR_NO_BRUN", "cannot start /nowhere/brun: ENOENT"));
  expect(seen.hook).toMatchObject(failure("ERR_HOOK", "exited with status 5", "hooks.createRuntime[0]"));
  expect(seen.exists).toMatchObject(failure("ERR_EXISTS", "already exists"));
  expect(seen.unknown).toMatchObject(failure("ERR_USAGE", "memroy: there is no such option", "memroy"));
  expect(seen.unknown.hint).toBe("did you mean memory?");
  expect(seen.misplaced).toMatchObject(failure("ERR_USAGE", "rw: it does not go with rootfs", "rw"));
  expect(seen.both).toMatchObject(failure("ERR_USAGE", "host and rootfs exclude each other"));
  expect(seen.nothing).toMatchObject(failure("ERR_USAGE", "there is nothing to run"));
  expect(seen.excluded).toMatchObject(failure("ERR_USAGE", "upper has no use with readOnly", "upper"));
  expect(seen.badValue).toMatchObject(failure("ERR_USAGE", '"much" is no size', "memory"));
  expect(seen.badType).toMatchObject(failure("ERR_USAGE", "volume: expected a list of texts", "volume"));
  expect(seen.inputTwice).toMatchObject(failure("ERR_USAGE", "exclude each other", "input"));
  expect(seen.surrogate).toMatchObject(failure("ERR_USAGE", "args[1]: it has half of a surrogate pair"));
  expect(seen.nul).toMatchObject(failure("ERR_USAGE", "env.A: it has a NUL byte", "env.A"));
}

function expectAborts(seen: Seen): void {
  const late = {
    name: "AbortError",
    code: "ERR_TIMEOUT",
    message: expect.stringMatching(/^the program was ended/),
  };
  for (const name of ["timeout", "abortWhileMade", "timeoutWhileMade", "execAborted", "execTimeout"]) {
    expect([name, seen[name]]).toMatchObject([name, late]);
  }
  expect(seen.partial).toEqual([true, "ERR_TIMEOUT", "out\n", "err\n"]);
  expect(seen.aborted).toEqual([
    ...["ABORT_ERR", "the program was ended by an AbortSignal: enough", "enough", "out\n"],
  ]);
  expect(seen.callAborted).toMatchObject({ name: "AbortError", code: "ABORT_ERR" });
  expect(seen.callCut).toMatchObject({ name: "AbortError", code: "ABORT_ERR" });
  expect(seen.abortedBefore).toMatchObject({ name: "AbortError", code: "ABORT_ERR" });
  expect(seen.leftByAborts).toBe(0);
}
