/** `brun image push`, `import` and `commit`. */

import { listEverywhere } from "../container/state/every-root.ts";
import { list } from "../container/state/list.ts";
import { BrunError } from "../errors.ts";
import { MANIFEST_FORMATS, type ManifestFormat } from "../image/formats.ts";
import { unpackIds } from "../image/ids.ts";
import { commitContainer, importImage } from "../image/make.ts";
import { ownPlatform, platformText, runsOn } from "../image/platform.ts";
import { push } from "../image/push.ts";
import { collect, imagesNamed } from "../image/remove.ts";
import { ImageStore } from "../image/store.ts";
import type { StoredImage } from "../image/stored.ts";
import { absolute, writeFile } from "../sys/fs.ts";
import { defineCommand } from "./command.ts";
import { openRuntime } from "./globals.ts";
import { userns } from "./hot-flags.ts";
import { action, name, quiet } from "./image-args.ts";
import { credsOf, pullOptions, rootlessOf } from "./image-flags.ts";
import { OTHER_IMAGE_FLAGS, OTHER_MAKE_FLAGS } from "./image-other.ts";
import { progressFor } from "./image-progress.ts";
import { print } from "./output.ts";
import { credsFlags, pullFlags } from "./pull-flags.ts";

/** `image push` */
export const pushCommand = defineCommand({
  meta: { name, description: "push: write an image to a registry or into a file" },
  args: {
    action,
    image: { type: "positional", description: "its name or id" },
    destination: {
      type: "positional",
      required: false,
      description: "ghcr.io/owner/name:1, oci:DIR[:TAG], oci-archive:FILE[:TAG] (default: its name)",
    },
    ...pullFlags,
    ...credsFlags,
    format: {
      type: "string",
      valueHint: "oci|v2s2",
      description: "of the manifest (default: the image's own, and oci for files)",
    },
    digestfile: { type: "string", valueHint: "file", description: "write the digest of the manifest there" },
    quiet,
  },
  others: OTHER_IMAGE_FLAGS,
  details: `What the registry has already is not sent, and what another of its repositories has is taken over from there. Prints the
digest of the manifest.

EXAMPLE
  brun image push me/app:2 ghcr.io/me/app:2
  brun image push debian:12 oci:layout:debian`,
  async run({ args, data }) {
    const store = ImageStore.open();
    const found = imagesNamed(args.image, store.images());
    const { platform, rootless, authFile, insecure } = pullOptions(
      { ...args, userns: undefined },
      "missing",
      data,
    );
    const image =
      args.platform === undefined ? only(found) : found.find((one) => runsOn(one.platform, platform));
    if (image === undefined) {
      throw new BrunError(`${args.image} is not there for ${platformText(platform)}`, {
        code: "ERR_IMAGE_NOT_FOUND",
        hint: `there are: ${found.map((one) => platformText(one.platform)).join(", ")}`,
      });
    }
    const format = args.format === undefined ? undefined : formatNamed(args.format);
    const progress = progressFor(data.values.client, args.quiet);
    const to = args.destination ?? image.name;
    const credentials = await credsOf(args, to);
    const options = { format, rootless, authFile, credentials, insecure, progress: progress.event };
    const digest = await push(image, to, store, options);
    progress.end();
    if (args.digestfile !== undefined) writeFile(args.digestfile, digest, 0o644);
    print(`${digest}\n`);
    return 0;
  },
});

/** One of an image's platforms: this machine's, where there are several. */
function only(images: readonly StoredImage[]): StoredImage | undefined {
  return images.length === 1 ? images[0] : images.find((one) => runsOn(one.platform, ownPlatform()));
}

/** Throws a BrunError (ERR_USAGE). */
function formatNamed(text: string): ManifestFormat {
  const format = MANIFEST_FORMATS.find((name) => name === text);
  if (format !== undefined) return format;
  throw new BrunError(`there is no format "${text}"`, {
    code: "ERR_USAGE",
    where: "--format",
    hint: MANIFEST_FORMATS.join(", "),
  });
}

const change = {
  type: "string",
  multiple: true,
  alias: "c",
  valueHint: "instruction",
  description: 'as in a Containerfile: CMD ["sh"], ENV A=1, USER 1000',
} as const;

/** `image import` */
export const importCommand = defineCommand({
  meta: { name, description: "make an image of a tar archive of a root file system" },
  args: {
    action,
    file: { type: "positional", valueHint: "file", description: "plain, or by gzip or zstd" },
    image: { type: "positional", description: "its name: me/app:1" },
    change,
    platform: pullFlags.platform,
    userns,
  },
  others: OTHER_MAKE_FLAGS,
  async run({ args, data }) {
    const {
      platform,
      userns: mode,
      rootless,
    } = pullOptions({ ...args, authfile: undefined, "tls-verify": undefined }, "missing", data);
    const made = { changes: args.change, platform };
    const image = await importImage(
      absolute(args.file),
      args.image,
      ImageStore.open(),
      unpackIds(mode, rootless),
      made,
    );
    print(`${image.manifest}\n`);
    return 0;
  },
});

/** `image commit` */
export const commitCommand = defineCommand({
  meta: { name, description: "make an image of what a running container has changed" },
  args: {
    action,
    "container-id": { type: "positional", description: "a container of run --image" },
    image: {
      type: "positional",
      description: "its name: me/app:1; or files: oci:DIR[:TAG], oci-archive:FILE[:TAG]",
    },
    change,
  },
  others: OTHER_MAKE_FLAGS,
  async run({ args, data }) {
    const rt = openRuntime(data);
    const container = list(rt).find(({ id: one }) => one === args["container-id"]);
    if (container === undefined) {
      throw new BrunError(`container ${args["container-id"]} does not exist`, {
        code: "ERR_NOT_FOUND",
        hint: "brun list",
      });
    }
    if (container.pid === 0) {
      throw new BrunError(`container ${container.id} has stopped, and its changes are gone`, {
        code: "ERR_STATE",
        hint: "commit it while it runs",
      });
    }
    const store = ImageStore.open();
    const push = { rootless: rootlessOf(data.values.rootless) };
    const digest = await commitContainer(container, args.image, store, { changes: args.change, push });
    // An image that was only written to files is not in the store.
    await collect(store, listEverywhere(rt));
    print(`${digest}\n`);
    return 0;
  },
});
