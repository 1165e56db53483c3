/** podman: how it is set up, and its checks. */
import type { Suite } from "./check.ts";
import { podmanIsolation } from "./podman-isolation.ts";
import { podmanLife } from "./podman-life.ts";
import { podmanMounts } from "./podman-mounts.ts";
import { podmanPods } from "./podman-pods.ts";

export const podman: Suite = {
  client: "podman",
  needs: ["podman", "conmon", "script"],
  callers: ["user", "root"],
  setUp: `podman import --quiet $W/image.tar $IMAGE`,
  tidy: `podman pod rm --force --all --time 0
    podman rm --force --all --time 0 --volumes`,
  checks: [...podmanLife, ...podmanIsolation, ...podmanMounts, ...podmanPods],
};
