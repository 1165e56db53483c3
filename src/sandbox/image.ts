/** Uses an image's config (image-spec, config.md) as defaults of flags. */
import type { ImageConfig } from "../image/manifest.ts";
import type { SandboxOptions } from "./options.ts";

/**
 * The options, with the image's settings where a flag is missing. Labels do not become annotations, since an
 * annotation may be an instruction for the runtime.
 * @param config of the image
 * @param program the words after the flags
 * @param entrypoint --entrypoint as words; undefined without the flag
 */
export function withImage(
  options: SandboxOptions,
  config: ImageConfig,
  program: readonly string[],
  entrypoint: readonly string[] | undefined,
): SandboxOptions {
  // As in podman, --entrypoint also replaces the image's arguments, which are meant for its own entrypoint.
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
    // Written files are thrown away, or go to --upper. So volumes matter only with a read-only root.
    imageVolumes: options.readOnly ? config.volumes.filter((path) => path.startsWith("/")) : [],
    stopSignal: options.stopSignal ?? config.stopSignal ?? undefined,
  };
}
