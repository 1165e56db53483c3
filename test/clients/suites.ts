/** All clients and their checks. */
import { buildah } from "./buildah.ts";
import type { Suite } from "./check.ts";
import { containerd } from "./containerd.ts";
import { docker } from "./docker.ts";
import { places } from "./places.ts";
import { podman } from "./podman.ts";

export const suites: readonly Suite[] = [podman, buildah, containerd, docker, ...places];
