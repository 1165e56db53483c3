/** `brun restore`: continues a container from the images of a checkpoint. */
import { currentCaller } from "../../rootless/caller.ts";
import type { ContainerConfig } from "../config/types.ts";
import { Console } from "../container/io/console.ts";
import { type Notify, prepareNotify } from "../container/io/notify.ts";
import { writePidFile } from "../container/io/pid-file.ts";
import { addsUserNamespace, decide } from "../container/lifecycle/decide.ts";
import { runPoststop } from "../container/lifecycle/hooks.ts";
import { supervise } from "../container/lifecycle/run.ts";
import { dropCgroup } from "../container/resources/cgroup.ts";
import { callerIdentity, isRootless } from "../container/state/root.ts";
import { claim, type Locked, remove, unlock } from "../container/state/store.ts";
import type { CreateOptions, Runtime } from "../container/types.ts";
import { loadSpec } from "../spec/index.ts";
import { PR } from "../sys/constants.ts";
import { check } from "../sys/error.ts";
import { NR, syscall } from "../sys/ffi.ts";
import { absolute, close } from "../sys/fs.ts";
import {
  holdSignals,
  ignoreInterrupts,
  keepSignals,
  releaseSignals,
  throwIfInterrupted,
} from "../sys/interrupt.ts";
import { Criu } from "./criu.ts";
import { withLog } from "./failure.ts";
import { inOwnMounts, prepareRoot } from "./mount-points.ts";
import { joinedNamespaces } from "./namespaces.ts";
import {
  checkFlags,
  closeDirectories,
  logDirectory,
  openDirectories,
  type RestoreOptions,
} from "./options.ts";
import { RESTORE_LOG, restoreOptions } from "./restore-request.ts";
import { Restored } from "./restored.ts";
import { Request } from "./rpc.ts";

/**
 * Restores a container under its old id or another one. In the foreground this process becomes the supervisor and
 * never returns; detached it returns 0. Throws a BrunError or SysError, and leaves nothing behind then.
 */
export function restore(rt: Runtime, options: RestoreOptions): number {
  checkFlags(options);
  const bundle = absolute(options.bundle);
  const { spec, warnings } = loadSpec(`${bundle}/config.json`, { addsUserNamespace: addsUserNamespace(rt) });
  for (const warning of warnings) rt.warn(warning);
  const console = new Console(spec.process?.terminal === true, options.detach, options.consoleSocket);
  const criu = new Criu(!isRootless(callerIdentity()));
  if (options.lazyPages) criu.require("lazyPages", "--lazy-pages");
  closeDirectories(openDirectories(options, false));
  if (!options.detach && !options.noSubreaper) syscall(NR.prctl, PR.SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  holdSignals();
  const locked = claim(rt.root, options.id);
  let config: ContainerConfig | null = null;
  let restored: Restored | null = null;
  try {
    const notify = prepareNotify(rt.root, options.id, spec, false, rt.debug);
    const mode = { waitForStart: false, detached: options.detach };
    const given = { rt, options: asCreateOptions(options), bundle, spec, caller: currentCaller(), notify };
    config = decide(given, mode, 0);
    restored = new Restored(rt, config, console);
    withLog(logDirectory(options), RESTORE_LOG, () => askCriu(criu, options, restored!));
    return goOn(rt, options, restored, locked, notify);
  } catch (error) {
    ignoreInterrupts();
    restored?.kill();
    dropCgroup(rt, config?.cgroup);
    remove(rt.root, options.id);
    if (restored?.hooked) runPoststop(restored.hooked, rt.warn);
    unlock(locked);
    throw error;
  }
}

/** The options of a restore in the form of those of create. */
function asCreateOptions({ id, bundle, pidFile, consoleSocket }: RestoreOptions): CreateOptions {
  return { id, bundle, pidFile, consoleSocket, noPivot: false, noNewKeyring: false, preserveFds: 0 };
}

function askCriu(criu: Criu, options: RestoreOptions, restored: Restored): void {
  const { config } = restored;
  const namespaces = joinedNamespaces(config);
  const fds = namespaces.inherited.map(({ fd }) => fd);
  try {
    // CRIU mounts in these directories, so they have to be opened in its mount namespace.
    const { process, directories, bound } = inOwnMounts(() => ({
      directories: openDirectories(options, false),
      bound: prepareRoot(config.rootfs, config.spec.mounts ?? [], config.bundle),
      process: criu.start(fds),
    }));
    try {
      const cgRoot = restored.enterCgroup(process.pid);
      const opts = restoreOptions(criu, options, directories, config, bound);
      const inheritFd = [...opts.inheritFd!, ...namespaces.inherited];
      const request = { type: Request.RESTORE, opts: { ...opts, ...namespaces.opts, inheritFd, cgRoot } };
      process.ask(request, (script, pid, fd) => restored.notified(script, pid, fd));
    } finally {
      process.end();
      closeDirectories(directories);
    }
  } finally {
    for (const fd of fds) close(fd);
  }
}

/** Completes a restore: detached it returns, otherwise the supervisor takes over. */
function goOn(
  rt: Runtime,
  options: RestoreOptions,
  restored: Restored,
  locked: Locked,
  notify: Notify | null,
): number {
  const state = restored.requireState();
  if (options.pidFile !== undefined) writePidFile(options.pidFile, state.pid);
  throwIfInterrupted();
  if (options.detach) {
    unlock(locked);
    releaseSignals();
    return 0;
  }
  const pidfd = check(syscall(NR.pidfd_open, state.pid, 0), `open process ${state.pid}`);
  const terminal = restored.console.master;
  return supervise(
    rt,
    { keep: false },
    { session: { pid: state.pid, pidfd }, terminal, notify, locked, state },
    keepSignals(),
  );
}
