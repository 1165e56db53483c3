/** `run --image`: the image is there, or is got, before the container is what `run --rootfs` makes. */
import { pull } from "../image/pull.ts";
import { type SandboxImage, withImage } from "../sandbox/image.ts";
import type { SandboxOptions } from "../sandbox/options.ts";
import type { Values } from "./flags.ts";
import type { Session } from "./globals.ts";
import { policyOf, pullOptions } from "./image-flags.ts";
import { PullProgress } from "./image-progress.ts";
import { entrypoint, type sandboxFlags } from "./sandbox-flags.ts";

/**
 * The options with the image's root and what its config says.
 * @param may ask a registry
 * @throws BrunError the image cannot be had
 */
export async function withPulledImage(
  asked: SandboxOptions,
  args: Values<typeof sandboxFlags>,
  program: readonly string[],
  session: Session,
  may: boolean,
): Promise<SandboxOptions> {
  const progress = args.quiet ? null : new PullProgress();
  const options = pullOptions(args, may ? policyOf(args.pull) : "never", session);
  const pulled = await pull(args.image!, { ...options, progress: progress?.event });
  progress?.end();
  const image: SandboxImage = { name: pulled.image.name, config: pulled.config };
  const root = { kind: "rootfs", path: pulled.root, image: image.name } as const;
  const given = args.entrypoint === undefined ? undefined : entrypoint(args.entrypoint);
  return withImage({ ...asked, root }, image, program, given);
}
