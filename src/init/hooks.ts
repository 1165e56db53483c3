/** Hooks that run in the container's namespaces: createContainer and startContainer (config.md#posix-platform-hooks). */

import { hookTimeoutMs } from "../config/hook-timeout.ts";
import { printable } from "../printable.ts";
import type { Hook } from "../spec/index.ts";
import { ANY, type Blob, type Slot } from "../stage/program.ts";
import { each } from "../sys/lists.ts";
import { utf8Length } from "../sys/utf8.ts";
import type { ProcessContext } from "./context.ts";
import { openHookOutput, redirectHook } from "./hook-output.ts";

const SPAWN_REQUEST_SIZE = 64;
const SPAWN_SETPGRP = 1;

/**
 * Runs hooks one after the other, each with the container's state on stdin.
 * @param where config path: "hooks.createContainer"
 * @param state the state as JSON
 * @param env environment of a hook that brings none, as execve(2) takes it; else it is empty
 */
export function runHooks(
  x: ProcessContext,
  hooks: readonly Hook[],
  where: string,
  state: string,
  env?: Blob,
): void {
  each(hooks, (hook, i) => {
    x.b.at(`${where}[${i}]`, `run the hook ${hook.path}`);
    const stdin = stateInput(x, state);
    const request = hookRequest(x, hook, env);
    redirectHook(x.b, request, x.hookOutput);
    x.b.spawn(request, stdin, hookTimeoutMs(hook));
    x.b.close(stdin);
  });
}

/** A memfd that reads as `text`. */
export function stateInput(x: Pick<ProcessContext, "b">, text: string): Slot {
  const { b } = x;
  const fd = b.get("memfd_create", [b.str("state"), 1]);
  b.sys("write", [fd, b.str(text), utf8Length(text)]);
  b.sys("lseek", [fd, 0, 0]);
  return fd;
}

/** struct spawn_request (nsenter/spawn.h) of a hook. */
export function hookRequest(x: Pick<ProcessContext, "b">, hook: Hook, env?: Blob) {
  const { b } = x;
  const request = new Uint8Array(SPAWN_REQUEST_SIZE);
  const view = new DataView(request.buffer);
  for (const at of [32, 36, 40, 44, 48]) view.setInt32(at, -1, true);
  view.setUint32(52, SPAWN_SETPGRP, true);
  const blob = b.bytes(request, hook.path);
  b.pointer(blob.at, b.str(hook.path));
  b.pointer(
    blob.at + 8,
    b.strArray(hook.args ?? [hook.path], () => `[${hook.args?.join(", ") ?? hook.path}]`),
  );
  b.pointer(
    blob.at + 16,
    hook.env === undefined && env !== undefined ? env : b.strArray(hook.env ?? [], "env"),
  );
  return blob;
}

/**
 * As {@link runHooks}, but outside of the container, and a hook that fails only leaves a line on stderr: poststop.
 */
export function runHooksWarning(
  x: Pick<ProcessContext, "b">,
  hooks: readonly Hook[],
  where: string,
  state: string,
): void {
  const { b } = x;
  const output = openHookOutput(b, JSON.parse(state).annotations);
  each(hooks, (hook, i) => {
    b.at(`${where}[${i}]`, `run the hook ${hook.path}`);
    const failed = b.label();
    const done = b.label();
    const stdin = stateInput(x, state);
    const request = hookRequest(x, hook);
    redirectHook(b, request, output);
    b.spawn(request, stdin, hookTimeoutMs(hook), { handle: [ANY], orElse: failed, andThen: done });
    b.mark(failed);
    const line = `brun: warning: ${where}[${i}]: the hook ${printable(hook.path, true)} failed\n`;
    b.sys("write", [2, b.str(line), utf8Length(line)], { handle: [ANY] });
    b.mark(done);
    b.close(stdin);
  });
}
