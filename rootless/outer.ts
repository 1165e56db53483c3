/** The container that brun itself is in, and how to start that one with fewer restrictions. */
import type { HostView } from "./host-view.ts";

/** Who made the outer container; null where that cannot be seen. */
export type OuterEngine = "brun" | "podman" | "docker" | "kubernetes";

/** By the marks that each leaves: the innermost says so in the environment. */
export function outerEngine({ read, identity }: HostView): OuterEngine | null {
  const environment = (read("/proc/self/environ") ?? "").split("\0");
  if (environment.includes("container=brun")) return "brun";
  if (environment.some((entry) => entry.startsWith("KUBERNETES_SERVICE_HOST="))) return "kubernetes";
  if (identity("/run/.containerenv") !== null) return "podman";
  return identity("/.dockerenv") === null ? null : "docker";
}

/** What an outer container keeps brun from, and by whom it is allowed with what. */
const REMEDIES = {
  /** New user namespaces and mounts, by its seccomp filter. */
  filter: {
    brun: "start the outer brun with --allow-nesting (a bundle: with another linux.seccomp)",
    podman: "start the outer container with --security-opt seccomp=unconfined",
    docker: "start the outer container with --security-opt seccomp=unconfined",
    kubernetes: "give the pod securityContext.seccompProfile.type: Unconfined",
  },
  /** A procfs of one's own, by what it mounts over its own. */
  proc: {
    brun: "start the outer brun with --allow-nesting (a bundle: without linux.maskedPaths and readonlyPaths below /proc)",
    podman: "start the outer container with --security-opt unmask=ALL",
    docker: "start the outer container with --security-opt systempaths=unconfined",
    kubernetes: "give the container securityContext.procMount: Unmasked, and the pod hostUsers: false",
  },
} as const satisfies Record<string, Record<OuterEngine, string>>;

/** For whom the engine is not known. */
const ANY_ENGINE = {
  filter:
    "start the outer container with --security-opt seccomp=unconfined (brun: --allow-nesting; Kubernetes: seccompProfile.type: Unconfined)",
  proc: "start the outer container with --security-opt unmask=ALL (podman), --security-opt systempaths=unconfined (docker), procMount: Unmasked (Kubernetes) or --allow-nesting (brun)",
} as const;

/** What to change about the outer container. */
export function outerRemedy(what: keyof typeof REMEDIES, host: HostView): string {
  const engine = outerEngine(host);
  return engine === null ? ANY_ENGINE[what] : REMEDIES[what][engine];
}

/** Whether a seccomp filter is on this process. */
export function hasSeccompFilter({ read }: HostView): boolean {
  return /^Seccomp:\s*2$/m.test(read("/proc/self/status") ?? "");
}

/** What to change about the filter around brun; undefined without one. */
export function filterRemedy(host: HostView): string | undefined {
  return hasSeccompFilter(host) ? outerRemedy("filter", host) : undefined;
}

/** "an outer brun", "an outer container". */
export function outerName(host: HostView): string {
  return outerEngine(host) === "brun" ? "an outer brun" : "an outer container";
}
