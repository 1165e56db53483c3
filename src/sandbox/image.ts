/** What an image says about the program that it is for (image-spec, config.md), as flags say it. */
import type { ImageConfig } from "../image/manifest.ts";
import type { SandboxOptions } from "./options.ts";

/** An image whose files are the root. */
export interface SandboxImage {
  /** "docker.io/library/debian:12". */
  readonly name: string;
  readonly config: ImageConfig;
}

/**
 * The options with what the image says where no flag has said it. Labels stay labels: an annotation may be an order to
 * the runtime.
 * @param program what was given after the flags
 * @param entrypoint --entrypoint as words; undefined when it was not given
 */
export function withImage(
  options: SandboxOptions,
  { config }: SandboxImage,
  program: readonly string[],
  entrypoint: readonly string[] | undefined,
): SandboxOptions {
  // As for podman: whoever replaces the entrypoint does not get the arguments that were meant for it.
  const args =
    entrypoint === undefined
      ? [...config.entrypoint, ...(program.length > 0 ? program : config.cmd)]
      : [...entrypoint, ...program];
  return {
    ...options,
    args,
    user: options.user ?? (config.user || undefined),
    imageEnv: config.env.filter((entry) => entry.indexOf("=") > 0),
    imageWorkdir: config.workingDir.startsWith("/") ? config.workingDir : undefined,
    // All that is written is thrown away, or goes to --upper: volumes are nothing of their own, but for a read-only root.
    imageVolumes: options.readOnly ? config.volumes.filter((path) => path.startsWith("/")) : [],
    stopSignal: options.stopSignal ?? config.stopSignal ?? undefined,
  };
}
