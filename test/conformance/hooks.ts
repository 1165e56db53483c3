/** Hooks: what they are given, where they run, and what follows when they take too long. */
import { existsSync, readFileSync } from "node:fs";
import { until } from "../support/processes.ts";
import type { Sandbox } from "../support/sandbox.ts";
import type { TestHook } from "../support/spec.ts";
import { type Case, expectEqual, under } from "./case.ts";

const KINDS = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
] as const;
type Kind = (typeof KINDS)[number];

const fields = (kind: Kind, names: string): string[] => under(`hooks.${kind}[]`, names);

/** Where a hook of this kind reaches the sandbox's directory. */
const dirOf = (box: Sandbox, kind: Kind): string => (kind === "startContainer" ? "/log" : box.dir);

function run(box: Sandbox, kind: Kind, hook: TestHook, script: string) {
  box.file("hook.out", "");
  return box.sh(script, (spec) => {
    spec.mounts.push({ destination: "/log", type: "bind", source: box.dir, options: ["rbind", "rw"] });
    spec.hooks = { [kind]: [hook] };
  });
}

function given(kind: Kind): Case {
  return {
    name: `a ${kind} hook runs its path with its arguments and environment`,
    fields: fields(kind, "path args[] env[]"),
    run: async (box) => {
      const script = `{ echo "$0|$1|$FOO"; grep -c ociVersion; } >${dirOf(box, kind)}/hook.out`;
      const args = ["sh", "-c", script, "zero", "one two"];
      await run(box, kind, { path: "/bin/sh", args, env: ["PATH=/bin:/usr/bin", "FOO=b a r"] }, "sleep 0.1");
      const text = (): string => readFileSync(`${box.dir}/hook.out`, "utf8");
      await until("the hook", () => text().split("\n").length > 2);
      expectEqual(text(), "zero|one two|b a r\n1\n", "the hook wrote");
    },
  };
}

function timeout(kind: Kind): Case {
  const warns = kind === "poststop";
  return {
    name: `a ${kind} hook is killed after its time-out, ${warns ? "which is no failure" : "and the container fails"}`,
    fields: fields(kind, "timeout"),
    run: async (box) => {
      const args = ["sh", "-c", `sleep 2; touch ${dirOf(box, kind)}/late`];
      const hook = { path: "/bin/sh", args, env: ["PATH=/bin:/usr/bin"], timeout: 1 };
      // The process that a poststart hook fails beside is stopped.
      const outcome = await run(box, kind, hook, kind === "poststart" ? "exec sleep 1000" : "echo ran");
      expectEqual(outcome.stdout, warns ? "ran\n" : "", "the container wrote");
      expectEqual(outcome.code === 0, warns, "the command succeeded");
      await Bun.sleep(1200);
      expectEqual(existsSync(`${box.dir}/late`), false, "the hook went on");
    },
  };
}

export const hookCases: readonly Case[] = KINDS.flatMap((kind) => [given(kind), timeout(kind)]);
