/** The flags of docker that the examples for CI amount to. */
import { readFileSync } from "node:fs";

const read = (name: string): string => readFileSync(`${import.meta.dir}/../../examples/ci/${name}`, "utf8");

/** The parts of a pod that say what its container may do. */
interface SecurityContext {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly seccompProfile?: { readonly type: string; readonly localhostProfile?: string };
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly capabilities?: { readonly drop?: readonly string[] };
}

interface Pod {
  readonly spec: {
    readonly securityContext?: SecurityContext;
    readonly containers: readonly {
      readonly securityContext?: SecurityContext;
      readonly volumeMounts?: readonly { readonly mountPath: string }[];
    }[];
  };
}

/**
 * What the kubelet has the runtime do for the container of a pod of examples/ci. Without a seccompProfile there is no
 * filter; "Localhost" is a file of the node's, here that of examples/ci.
 * @param seccomp another type of seccompProfile
 */
export function podFlags(name: string, seccomp?: "RuntimeDefault" | "Unconfined"): string {
  const { spec } = Bun.YAML.parse(read(name)) as Pod;
  const container = spec.containers[0]!;
  const context = { ...spec.securityContext, ...container.securityContext };
  const { runAsUser, runAsGroup = runAsUser, seccompProfile, capabilities } = context;
  const profile = seccompProfile?.localhostProfile?.split("/").at(-1);
  const filter = {
    RuntimeDefault: [],
    Unconfined: ["--security-opt seccomp=unconfined"],
    Localhost: [`--security-opt seccomp=$W/examples/ci/${profile}`],
  }[seccomp ?? seccompProfile?.type ?? "Unconfined"]!;
  return [
    ...filter,
    ...(runAsUser === undefined ? [] : [`--user ${runAsUser}:${runAsGroup}`]),
    ...(capabilities?.drop ?? []).map((capability) => `--cap-drop=${capability}`),
    ...(context.allowPrivilegeEscalation === false ? ["--security-opt no-new-privileges"] : []),
    ...(context.readOnlyRootFilesystem ? ["--read-only"] : []),
    ...(container.volumeMounts ?? []).map(({ mountPath }) => `--tmpfs ${mountPath}:exec,mode=1777`),
  ].join(" ");
}

/** Of the container job in examples/ci/github-workflow.yml. */
export function githubFlags(): string {
  const { jobs } = Bun.YAML.parse(read("github-workflow.yml")) as {
    jobs: Record<string, { container?: { options: string } }>;
  };
  return Object.values(jobs).find(({ container }) => container !== undefined)!.container!.options;
}

/** Of the docker executor in examples/ci/gitlab-runner.toml. */
export function gitlabFlags(): string {
  const { runners } = Bun.TOML.parse(read("gitlab-runner.toml")) as {
    runners: { docker: { security_opt: string[] } }[];
  };
  return runners[0]!.docker.security_opt.map((option) => `--security-opt ${option}`).join(" ");
}

/** The shell lines of the jobs for GitHub and GitLab that run brun. */
export function jobLines(): string[] {
  const github = Bun.YAML.parse(read("github-workflow.yml")) as {
    jobs: Record<string, { steps: { run?: string }[] }>;
  };
  const gitlab = Bun.YAML.parse(read("gitlab-ci.yml")) as Record<string, Record<string, string[]>>;
  const steps = Object.values(github.jobs).flatMap((job) => job.steps.flatMap(({ run }) => run ?? []));
  const scripts = [...(gitlab[".brun"]!.before_script ?? []), ...(gitlab.test!.script ?? [])];
  return [...steps, ...scripts].filter((line) => line.startsWith("brun "));
}
