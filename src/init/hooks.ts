/** Hooks that run in the container's namespaces: createContainer and startContainer (config.md#posix-platform-hooks). */

import { keepsStderr } from "../config/hook-descriptors.ts";
import { hookTimeoutMs } from "../config/hook-timeout.ts";
import { Spawn } from "../plan/abi.ts";
import { layout } from "../plan/layout.ts" with { type: "macro" };
import { ANY, type Blob, type ProgramBuilder, type Slot } from "../plan/program.ts";
import { printable } from "../printable.ts";
import type { Hook } from "../spec/index.ts";
import { each, mapped } from "../sys/lists.ts";
import { utf8Length } from "../sys/utf8.ts";
import type { ProcessContext } from "./context.ts";
import { HOOK_STREAMS, type HookOutput, openHookOutput } from "./hook-output.ts";

const requestAt = layout("spawnRequest");
const REQUEST_SIZE = layout("spawnRequest").sizeof;
const MFD_CLOEXEC = 1;

/**
 * Runs hooks one after the other, each with the container's state on stdin.
 * @param where config path: "hooks.createContainer"
 * @param state the state as JSON
 * @param env environment for a hook that has none, as execve(2) takes it; empty by default
 * @returns the index of each hook's operation
 */
export function runHooks(
  x: Pick<ProcessContext, "b" | "hookOutput">,
  hooks: readonly Hook[],
  where: string,
  state: string,
  env?: Blob,
): number[] {
  return mapped(hooks, (hook, i) => {
    x.b.at(`${where}[${i}]`, { kind: "hook", path: hook.path });
    const stdin = stateInput(x, state);
    const request = hookRequest(x, hook, env, Spawn.setpgrp | Spawn.dieToo);
    const said = hookSays(x.b, request, x.hookOutput);
    const op = x.b.length;
    x.b.spawn(request, stdin, hookTimeoutMs(hook));
    x.b.close(said);
    x.b.close(stdin);
    return op;
  });
}

/**
 * Redirects a hook's output to a memfd, so that it does not mix with the container's. Annotations may name other
 * files.
 */
function hookSays(b: ProgramBuilder, request: Blob, output: HookOutput | undefined, keeps = false): Slot {
  const said = b.get("memfd_create", [b.str("said"), MFD_CLOEXEC]);
  const [stdout, stderr] = HOOK_STREAMS;
  for (const at of keeps ? [stdout] : [stdout, stderr])
    b.poke(b.inside(request, at), output?.get(at) ?? said, 4);
  return said;
}

/** A memfd that contains `text`. */
function stateInput(x: Pick<ProcessContext, "b">, text: string): Slot {
  const { b } = x;
  const fd = b.get("memfd_create", [b.str("state"), 1]);
  b.write(fd, text);
  b.sys("lseek", [fd, 0, 0]);
  return fd;
}

/** The request by which the stage starts a hook. */
export function hookRequest(x: Pick<ProcessContext, "b">, hook: Hook, env?: Blob, flags = Spawn.setpgrp) {
  const { b } = x;
  const request = new Uint8Array(REQUEST_SIZE);
  const view = new DataView(request.buffer);
  const { stdio, keepFd, execFd } = requestAt;
  for (const at of [stdio, stdio + 4, stdio + 8, keepFd, execFd]) view.setInt32(at, -1, true);
  view.setUint32(requestAt.flags, flags, true);
  const blob = b.bytes(request, hook.path);
  b.pointer(blob.at + requestAt.path, b.str(hook.path));
  b.pointer(
    blob.at + requestAt.argv,
    b.strArray(hook.args ?? [hook.path], () => `[${hook.args?.join(", ") ?? hook.path}]`),
  );
  b.pointer(
    blob.at + requestAt.envp,
    hook.env === undefined && env !== undefined ? env : b.strArray(hook.env ?? [], "env"),
  );
  return blob;
}

/** The length of a failed hook's output that is shown. */
const SHOWN_MAX = 1024;

/**
 * As {@link runHooks}, but for poststop: outside of the container, in its bundle. A hook that fails is only
 * reported on stderr, with its output.
 */
export function runHooksWarning(
  x: Pick<ProcessContext, "b">,
  hooks: readonly Hook[],
  where: string,
  state: string,
): void {
  const { b } = x;
  const { annotations, bundle } = JSON.parse(state);
  b.at(where, { kind: "changeToBundle", path: bundle });
  b.sys("chdir", [b.str(bundle)], { handle: [ANY] });
  const output = openHookOutput(b, annotations);
  each(hooks, (hook, i) => {
    b.at(`${where}[${i}]`, { kind: "hook", path: hook.path });
    const failed = b.label();
    const done = b.label();
    const stdin = stateInput(x, state);
    const request = hookRequest(x, hook);
    const said = hookSays(b, request, output, keepsStderr(hook));
    b.spawn(request, stdin, hookTimeoutMs(hook), { handle: [ANY], orElse: failed, andThen: done });
    b.mark(failed);
    const line = `brun: warning: ${where}[${i}]: the hook ${printable(hook.path, true)} failed\n`;
    b.sys("write", [2, b.str(line), utf8Length(line)], { handle: [ANY] });
    const shown = b.reserve(SHOWN_MAX, "output");
    const length = b.get("pread64", [said, shown, SHOWN_MAX, 0], { handle: [ANY], orElse: done });
    b.sys("write", [2, shown, length], { handle: [ANY] });
    b.free(length);
    b.mark(done);
    b.close(said);
    b.close(stdin);
  });
}
