/** The outer container that brun runs in, and how to start it with fewer restrictions. */
import type { HostView } from "./host-view.ts";

/** The engine that made the outer container. */
export type OuterEngine = "brun" | "podman" | "docker" | "kubernetes";

/**
 * The engine of the outer container; null if it cannot be seen. The innermost container is
 * the one in the environment.
 */
export function outerEngine({ read, identity }: HostView): OuterEngine | null {
  const environment = (read("/proc/self/environ") ?? "").split("\0");
  if (environment.includes("container=brun")) return "brun";
  if (environment.some((entry) => entry.startsWith("KUBERNETES_SERVICE_HOST="))) return "kubernetes";
  if (identity("/run/.containerenv") !== null) return "podman";
  return identity("/.dockerenv") === null ? null : "docker";
}

/** Restrictions of an outer container, and for each engine how to lift them. */
const REMEDIES = {
  /** The seccomp filter, which refuses new user namespaces and mounts. */
  filter: {
    brun: "start the outer brun with --allow-nesting (a bundle: with another linux.seccomp)",
    podman: "start the outer container with --security-opt seccomp=unconfined",
    docker: "start the outer container with --security-opt seccomp=unconfined",
    kubernetes: "give the pod securityContext.seccompProfile.type: Unconfined",
  },
  /** Mounts over parts of the outer /proc, which prevent a new procfs. */
  proc: {
    brun: "start the outer brun with --allow-nesting (a bundle: without linux.maskedPaths and readonlyPaths below /proc)",
    podman: "start the outer container with --security-opt unmask=ALL",
    docker: "start the outer container with --security-opt systempaths=unconfined",
    kubernetes: "give the container securityContext.procMount: Unmasked, and the pod hostUsers: false",
  },
} as const satisfies Record<string, Record<OuterEngine, string>>;

/** The texts if the engine is not known. */
const ANY_ENGINE = {
  filter:
    "start the outer container with --security-opt seccomp=unconfined (brun: --allow-nesting; Kubernetes: seccompProfile.type: Unconfined)",
  proc: "start the outer container with --security-opt unmask=ALL (podman), --security-opt systempaths=unconfined (docker), procMount: Unmasked (Kubernetes) or --allow-nesting (brun)",
} as const;

/** How to change the outer container. */
export function outerRemedy(what: keyof typeof REMEDIES, host: HostView): string {
  const engine = outerEngine(host);
  return engine === null ? ANY_ENGINE[what] : REMEDIES[what][engine];
}

/** Whether this process has a seccomp filter. */
export function hasSeccompFilter({ read }: HostView): boolean {
  return /^Seccomp:\s*2$/m.test(read("/proc/self/status") ?? "");
}

/** How to change the seccomp filter around brun; undefined without one. */
export function filterRemedy(host: HostView): string | undefined {
  return hasSeccompFilter(host) ? outerRemedy("filter", host) : undefined;
}

/** "an outer brun" or "an outer container". */
export function outerName(host: HostView): string {
  return outerEngine(host) === "brun" ? "an outer brun" : "an outer container";
}
