/** `run --image`: pulls the image if necessary, and then makes the container as `run --rootfs` does. */

import { compiling, uncacheable } from "../host/recorder.ts";
import type { PullOptions } from "../image/pull.ts";
import { cachedImage, type ReadyImage } from "../image/ready.ts";
import { withImage } from "../sandbox/image.ts";
import type { SandboxOptions } from "../sandbox/options.ts";
import type { Values } from "./flags.ts";
import type { Session } from "./globals.ts";
import { policyOf, pullOptions } from "./image-flags.ts";
import type { sandboxFlags } from "./sandbox-flags.ts";
import { entrypoint } from "./sandbox-options.ts";

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
  // The files of an image are unpacked for the ids of the container.
  const { userns } = asked;
  const options = { ...pullOptions(args, may ? policyOf(args.pull) : "never", session), userns };
  const ready = await getImage(args.image!, options, args.quiet, session.values.client);
  const { name, manifest } = ready.image;
  const root = { kind: "rootfs", path: ready.root, image: name, manifest } as const;
  const given = args.entrypoint === undefined ? undefined : entrypoint(args.entrypoint);
  return withImage({ ...asked, root }, ready.config, program, given);
}

/** The code that pulls images is loaded only if one has to be pulled. */
async function getImage(
  name: string,
  options: PullOptions,
  quiet: boolean,
  client: string | undefined,
): Promise<ReadyImage> {
  const { policy, platform, userns, rootless } = options;
  const there =
    policy === "missing" || policy === "never"
      ? compiling(() => cachedImage(name, platform, userns, rootless))
      : null;
  if (there !== null) return there;
  uncacheable("the image has been got");
  const [{ pull }, { progressFor }] = await Promise.all([
    import("../image/pull.ts"),
    import("./image-progress.ts"),
  ]);
  const progress = progressFor(client, quiet);
  const pulled = await pull(name, { ...options, progress: progress.event });
  progress.end();
  return pulled;
}
