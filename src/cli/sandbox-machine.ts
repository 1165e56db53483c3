/** The machine as a container without a bundle is decided by it, while others mount and unmount on it. */
import { callerIdentity, isRootless } from "../container/state/root.ts";
import type { Runtime } from "../container/types.ts";
import { type HostView, hostView } from "../sandbox/view.ts";
import { isAboutMount } from "./sandbox-errors.ts";

/** So often is a container begun anew where mounts have changed. */
const AGAIN = 5;

/** The machine as it was seen last. */
export class Machine {
  private again = AGAIN;
  private wasEqual = false;

  /**
   * @param view as it is seen at first
   * @param look sees it anew
   */
  constructor(
    public view: HostView,
    private readonly look: () => HostView,
  ) {}

  /**
   * After a failed mount: whether somebody has mounted or unmounted something since the machine was seen, so that what it has
   * now may do. What has come and gone leaves no trace, so once this is supposed without one.
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

/** The machine, for a caller to whom `--rootless` applies as for any container. */
export function viewOf(rt: Runtime): HostView {
  const caller = callerIdentity();
  const rootless = rt.rootless === "auto" ? caller.euid !== 0 : rt.rootless;
  return hostView(rootless, rootless || isRootless(caller), rt.root);
}
