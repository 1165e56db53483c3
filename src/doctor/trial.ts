/** Trials: a stage in a user namespace executes operations and ends, which leaves nothing behind. */

import { type Caller, setgroupsDenied } from "../../rootless/caller.ts";
import { writeMaps } from "../../rootless/mapping.ts";
import type { Subids } from "../../rootless/subid.ts";
import { hostProcessConfig } from "../config/host-process.ts";
import { BrunError } from "../errors.ts";
import { type InitContext, initContext } from "../init/context.ts";
import { becomeRoot, enterNamespaces, mapIds } from "../init/namespaces.ts";
import { isolateMounts } from "../init/rootfs.ts";
import { type Program, ProgramBuilder } from "../plan/program.ts";
import type { Namespace } from "../spec/index.ts";
import { Message } from "../stage/messages.ts";
import { Session } from "../stage/session.ts";

/** A trial. */
export interface Trial {
  readonly caller: Caller;
  /** As root of the host, without a user namespace. */
  readonly asHostRoot?: boolean;
  /** Besides a user namespace; "mount" is always among them. */
  readonly namespaces?: readonly Namespace["type"][];
  /** Mapped besides the caller's own id; without them one id is. */
  readonly subids?: Subids;
  /** What to do as root of the namespaces. */
  readonly build?: (x: InitContext) => void;
  /** Looks at the process before it ends. */
  readonly inspect?: (pid: number) => void;
}

/** Runs the trial. Returns null, or the failure; throws errors that are no finding. */
export function attempt(trial: Trial): BrunError | null {
  try {
    perform(trial);
    return null;
  } catch (error) {
    if (error instanceof BrunError) return error;
    throw error;
  }
}

function perform({ caller, asHostRoot, namespaces = [], subids, build, inspect }: Trial): void {
  const config = hostProcessConfig({
    caller,
    namespaces: ["mount", ...namespaces],
    subids: () => subids ?? { uid: [], gid: [] },
    setgroupsDenied,
    asHostRoot,
    args: [],
    env: [],
  });
  const compile = (record: boolean): Program => {
    const b = new ProgramBuilder(record);
    const x: InitContext = initContext(config, b);
    enterNamespaces(x, null);
    mapIds(x);
    isolateMounts(x);
    becomeRoot(x);
    build?.(x);
    b.send(Message.ready, null, 0);
    return b.finish();
  };
  const session = new Session(() => [compile(true)]);
  try {
    session.send(compile(false));
    session.until(Message.ready, {
      [Message.map]: () => {
        writeMaps(session.pid, config.maps!, caller);
        session.resume();
      },
    });
    inspect?.(session.pid);
  } finally {
    session.end();
  }
}
