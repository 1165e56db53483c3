/** The view of the machine from which a container without a bundle is decided, while others mount and unmount on it. */
import { callerIdentity, isRootless } from "../container/state/root.ts";
import type { Runtime } from "../container/types.ts";
import { type HostView, hostView } from "../sandbox/view.ts";
import { isAboutMount } from "./sandbox-errors.ts";

/** How often a container is begun again because mounts have changed. */
const AGAIN = 5;

/** The machine as it was seen last. */
export class Machine {
  private again = AGAIN;
  private wasEqual = false;

  /**
   * @param view the first view
   * @param look makes a new view
   */
  constructor(
    public view: HostView,
    private readonly look: () => HostView,
  ) {}

  /**
   * After a failed mount: whether somebody has mounted or unmounted something since the machine was looked at, so that another try
   * may succeed. A mount that came and went leaves no trace, so one more try is made without a change.
   */
  hasChanged(error: unknown): boolean {
    if (this.again === 0 || !isAboutMount(error)) return false;
    const before = JSON.stringify(this.view.mounts);
    this.view = this.look();
    if (JSON.stringify(this.view.mounts) === before) {
      if (this.wasEqual) return false;
      this.wasEqual = true;
    }
    this.again -= 1;
    return true;
  }
}

/** The machine; `--rootless` applies as for any container. */
export function viewOf(rt: Runtime): HostView {
  const caller = callerIdentity();
  const rootless = rt.rootless === "auto" ? caller.euid !== 0 : rt.rootless;
  return hostView(rootless, rootless || isRootless(caller), rt.root);
}
