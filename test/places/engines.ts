/**
 * Containers of real engines in which brun is run, as data: `npm run test:clients -- --client places` starts each and runs
 * inside.sh in it, and docs/places.md shows them. Kubernetes is docker's engine with what a pod's security context amounts to:
 * containerd's default filter is docker's.
 */
import { githubFlags, gitlabFlags, podFlags } from "./ci.ts";
import { type Expected, NO_DEVICE_RULES, NO_LIMITS, OUTER_PROC } from "./places.ts";

export interface EnginePlace extends Expected {
  readonly engine: "podman" | "docker" | "nspawn" | "crun" | "runc" | "brun";
  /** Who starts the engine. */
  readonly as: readonly ("user" | "root")[];
  /** Flags of the engine's run. */
  readonly flags?: string;
  /** Who runs brun inside; both unless given. */
  readonly inside?: "user" | "root";
}

const PROC = "with the outer /proc and pid namespace";
const NO_HOSTNAME = "and without a host name of its own";
const FILTER = "start the outer container with --security-opt seccomp=unconfined";
/** examples/ci/seccomp.json, where the checks find it. */
const PROFILE = "--security-opt seccomp=$W/examples/ci/seccomp.json";

export const ENGINE_PLACES: readonly EnginePlace[] = [
  {
    name: "podman run",
    where: "podman, rootless and as root; GitLab's runner with podman",
    engine: "podman",
    as: ["user", "root"],
    works: `everything, ${PROC}, ${NO_HOSTNAME}`,
    says: OUTER_PROC,
    hostname: "refused",
  },
  {
    name: "podman run --security-opt unmask=ALL",
    where: "the same",
    engine: "podman",
    as: ["user", "root"],
    flags: "--security-opt unmask=ALL",
    works: `everything, ${NO_HOSTNAME}`,
    hostname: "refused",
  },
  {
    name: "podman run --security-opt unmask=ALL --security-opt seccomp=unconfined",
    where: "the same",
    engine: "podman",
    as: ["user", "root"],
    flags: "--security-opt unmask=ALL --security-opt seccomp=unconfined",
    works: "everything",
  },
  {
    name: "podman run --privileged",
    where: "the same",
    engine: "podman",
    as: ["user", "root"],
    flags: "--privileged",
    works: "everything",
  },
  {
    name: "docker run",
    where: "docker; GitLab's docker executor; container jobs on GitHub",
    engine: "docker",
    as: ["root"],
    works: "nothing, and no other runtime does: its filter refuses namespaces; see the next ones",
    refuses: FILTER,
  },
  {
    name: "docker run --security-opt seccomp=seccomp.json",
    where: "docker with [brun's filter](../examples/ci/seccomp.json) for containers that make containers",
    engine: "docker",
    as: ["root"],
    flags: PROFILE,
    works: `everything, ${PROC}`,
    says: OUTER_PROC,
  },
  {
    name: "docker run --security-opt seccomp=unconfined",
    where: "the same without a filter",
    engine: "docker",
    as: ["root"],
    flags: "--security-opt seccomp=unconfined",
    works: `everything, ${PROC}`,
    says: OUTER_PROC,
  },
  {
    name: "docker run --security-opt seccomp=seccomp.json --security-opt systempaths=unconfined",
    where: "the same with a /proc that is not masked",
    engine: "docker",
    as: ["root"],
    flags: `${PROFILE} --security-opt systempaths=unconfined`,
    works: "everything",
  },
  {
    name: "docker run --cap-add SYS_ADMIN",
    where: "an old advice for containers in containers",
    engine: "docker",
    as: ["root"],
    flags: "--cap-add SYS_ADMIN",
    inside: "root",
    works: "nothing, and no other runtime does: its filter refuses pivot_root",
    refuses: FILTER,
  },
  {
    name: "docker run --privileged",
    where: "docker-in-docker",
    engine: "docker",
    as: ["root"],
    flags: "--privileged",
    // As root of this machine, which lacks a capability, docker itself may fail there.
    inside: "user",
    works: "everything",
  },
  {
    name: "GitLab's docker executor, gitlab-runner.toml",
    where: "[gitlab-runner.toml](../examples/ci/gitlab-runner.toml)",
    engine: "docker",
    as: ["root"],
    flags: gitlabFlags(),
    works: `everything, ${PROC}`,
    says: OUTER_PROC,
  },
  {
    name: "GitHub's container jobs with options",
    where: "[github-workflow.yml](../examples/ci/github-workflow.yml)",
    engine: "docker",
    as: ["root"],
    flags: githubFlags(),
    works: `everything, ${PROC}`,
    says: OUTER_PROC,
  },
  {
    name: "Kubernetes, restricted, seccompProfile RuntimeDefault",
    where: "pods: no root, no capabilities, no new privileges, a read-only root",
    engine: "docker",
    as: ["root"],
    flags: podFlags("pod-restricted.yaml", "RuntimeDefault"),
    inside: "user",
    works: "nothing, and no other runtime does: the filter refuses namespaces; see the next one",
    refuses: FILTER,
  },
  {
    name: "Kubernetes, restricted, seccompProfile Localhost",
    where: "[pod-restricted.yaml](../examples/ci/pod-restricted.yaml)",
    engine: "docker",
    as: ["root"],
    flags: podFlags("pod-restricted.yaml"),
    inside: "user",
    works: `everything, ${PROC}`,
    says: OUTER_PROC,
  },
  {
    name: "Kubernetes, baseline, seccompProfile Localhost",
    where: "[pod-baseline.yaml](../examples/ci/pod-baseline.yaml)",
    engine: "docker",
    as: ["root"],
    flags: podFlags("pod-baseline.yaml"),
    works: `everything, ${PROC}`,
    says: OUTER_PROC,
  },
  {
    name: "Kubernetes without a seccompProfile",
    where: "clusters without SeccompDefault, at the baseline level",
    engine: "docker",
    as: ["root"],
    flags: podFlags("pod-baseline.yaml", "Unconfined"),
    works: `everything, ${PROC}`,
    says: OUTER_PROC,
  },
  {
    name: "Kubernetes, root with all capabilities dropped",
    where: "pods with runAsUser: 0 and drop: [ALL]",
    engine: "docker",
    as: ["root"],
    flags: "--cap-drop=ALL --security-opt seccomp=unconfined",
    inside: "root",
    works: "nothing, and no other runtime does: runAsUser: 1000, or add SETFCAP",
    refuses: "start brun as another user than root, or with CAP_SETFCAP",
  },
  {
    name: "systemd-nspawn",
    where: "nspawn's containers, with and without --private-users",
    engine: "nspawn",
    as: ["root"],
    works: "everything",
  },
  {
    name: "systemd-nspawn --private-users=pick",
    where: "the same",
    engine: "nspawn",
    as: ["root"],
    flags: "--private-users=pick",
    works: "everything",
  },
  {
    name: "systemd-nspawn --capability=all",
    where: "the same, with containers inside in mind",
    engine: "nspawn",
    as: ["root"],
    flags: "--capability=all",
    inside: "root",
    works: NO_LIMITS,
    says: NO_DEVICE_RULES,
  },
  {
    name: "a container of crun",
    where: "a bundle with the config of `crun spec`, as an ordinary user inside",
    engine: "crun",
    as: ["user"],
    inside: "user",
    works: `everything, ${PROC}`,
    says: OUTER_PROC,
  },
  {
    name: "a container of runc",
    where: "a bundle with the config of `runc spec`, as an ordinary user inside",
    engine: "runc",
    as: ["root"],
    inside: "user",
    works: `everything, ${PROC}`,
    says: OUTER_PROC,
  },
  {
    name: "a container of brun",
    where: "a bundle with the config of `brun spec`, as an ordinary user inside",
    engine: "brun",
    as: ["user", "root"],
    inside: "user",
    works: `everything, ${PROC}`,
    says: OUTER_PROC,
  },
];
