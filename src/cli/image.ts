/** `brun image`: pull, list, inspect, remove, prune. */
import { list } from "../container/list.ts";
import { BrunError } from "../errors.ts";
import { hexOf } from "../image/digest.ts";
import { type ImageConfig, parseImageConfig } from "../image/manifest.ts";
import { platformText } from "../image/platform.ts";
import { pull } from "../image/pull.ts";
import { collect, imagesNamed, removeImages, removePartial, removeUnused } from "../image/remove.ts";
import { ImageStore, type StoredImage } from "../image/store.ts";
import type { Request } from "../image/unpack/child.ts";
import { unpackIds, unpackProcess } from "../image/unpack/start.ts";
import { type Command, type CommandContext, defineCommand } from "./command.ts";
import { userns } from "./container-flags.ts";
import type { Flags } from "./flags.ts";
import { formatFlag, table } from "./format.ts";
import { openRuntime } from "./globals.ts";
import { pullOptions } from "./image-flags.ts";
import { bytesText, PullProgress } from "./image-progress.ts";
import { print } from "./output.ts";
import { pullFlags } from "./pull-flags.ts";

const name = "image";

/** What stands behind `image`. */
const action = {
  type: "positional",
  valueHint: "pull|list|inspect|remove|prune",
  description: "what to do",
} as const;
const quiet = { type: "boolean", alias: "q", description: "print no more than names or ids" } as const;

const pullCommand = defineCommand({
  meta: { name, description: "pull: get an image, for run --image" },
  args: {
    action,
    image: {
      type: "positional",
      description: "debian:12, ghcr.io/owner/name@sha256:…, oci:DIR[:TAG], docker-archive:FILE[:NAME], …",
    },
    ...pullFlags,
    userns,
    quiet,
  },
  details: `It is unpacked without root. From then on run --image starts it without asking anybody.

EXAMPLE
  brun image pull debian:12
  brun image pull --platform linux/arm64 docker.io/library/alpine
  brun image pull docker-archive:image.tar`,
  async run({ args, data }) {
    const progress = args.quiet ? null : new PullProgress();
    const options = { ...pullOptions(args, "always", data), progress: progress?.event };
    const { image } = await pull(args.image, options);
    progress?.end();
    print(`${image.manifest}\n`);
    return 0;
  },
});

const listCommand = defineCommand({
  meta: { name, description: "list: the images that are there" },
  args: { action, format: formatFlag, quiet },
  run({ args }) {
    const images = [...ImageStore.open().images()].sort((a, b) => (a.name < b.name ? -1 : 1));
    if (args.quiet) print(images.map((image) => `${id(image)}\n`).join(""));
    else if (args.format === "json") print(`${JSON.stringify(images.map(shown), null, "  ")}\n`);
    else if (args.format === "table") print(imageTable(images));
    else throw new BrunError("invalid format option", { code: "ERR_USAGE", hint: "table or json" });
    return 0;
  },
});

const inspectCommand = defineCommand({
  meta: { name, description: "inspect: print what an image is, as JSON" },
  args: { action, image: { type: "positional", description: "its name or id" } },
  run({ args }) {
    const store = ImageStore.open();
    const found = imagesNamed(args.image, store.images());
    const all = found.map((image) => ({
      ...shown(image),
      layers: image.diffIds,
      config: configOf(image, store),
    }));
    print(`${JSON.stringify(all, null, "  ")}\n`);
    return 0;
  },
});

const removeCommand = defineCommand({
  meta: { name, description: "remove: images that are not wanted any more" },
  args: {
    action,
    images: { type: "positional", rest: true, description: "their names or ids" },
    force: { type: "boolean", alias: "f", description: "also those that containers use" },
  },
  async run({ args, data }) {
    if (args.images.length === 0)
      throw new BrunError("image remove needs a name", { code: "ERR_USAGE", hint: "brun image list" });
    const removed = await removeImages(args.images, ImageStore.open(), list(openRuntime(data)), args.force);
    for (const image of removed) print(`${image.name}\n`);
    return 0;
  },
});

const pruneCommand = defineCommand({
  meta: { name, description: "prune: what no image needs, and downloads that broke off" },
  args: { action, all: { type: "boolean", alias: "a", description: "also images that no container uses" } },
  async run({ args, data }) {
    const store = ImageStore.open();
    const containers = list(openRuntime(data));
    if (args.all) for (const image of await removeUnused(store, containers)) print(`${image.name}\n`);
    else await collect(store, containers, false);
    removePartial(store);
    return 0;
  },
});

/** What `remove` leaves to the background. */
const removeFilesCommand = defineCommand({
  meta: { name, hidden: true, description: "remove files of images" },
  args: { action, request: { type: "positional", description: "JSON" } },
  async run({ args }) {
    const request = JSON.parse(args.request) as Request;
    await unpackProcess(request, unpackIds("auto"));
    return 0;
  },
});

const actions: Readonly<Record<string, Command>> = {
  pull: pullCommand as unknown as Command,
  list: listCommand as unknown as Command,
  ls: listCommand as unknown as Command,
  inspect: inspectCommand as unknown as Command,
  remove: removeCommand as unknown as Command,
  rm: removeCommand as unknown as Command,
  prune: pruneCommand as unknown as Command,
  "remove-files": removeFilesCommand as unknown as Command,
};

const overview = defineCommand({
  meta: { name, description: "get, list and remove images for run --image" },
  args: { action },
  details: `  brun image pull NAME          get an image, or its newest state
  brun image list               the images that are there
  brun image inspect NAME       what an image is, as JSON
  brun image remove NAME…       images that are not wanted any more
  brun image prune              what no image needs; --all: also images that no container uses

NAME is as for podman and docker: debian:12, ghcr.io/owner/name@sha256:…; files are oci:DIR[:TAG], oci-archive:FILE[:TAG],
docker-archive:FILE[:NAME], dir:DIR. "brun image pull --help" tells the flags of one.

EXAMPLE
  brun image pull debian:12
  brun run --image debian:12 -- cat /etc/os-release`,
  run({ args }: CommandContext<{ readonly action: typeof action }>) {
    throw new BrunError(`image: there is no action "${args.action}"`, {
      code: "ERR_USAGE",
      hint: "pull, list, inspect, remove or prune",
    });
  },
});

/** The command for what is asked of images. */
export function imageCommand(argv: readonly string[]): Command<Flags> {
  const word = argv.find((arg) => !arg.startsWith("-")) ?? "";
  return actions[word] ?? (overview as unknown as Command);
}

/** All of it, for help, completions and man pages. */
export function imageCommands(): Command[] {
  return [overview as unknown as Command, ...new Set(Object.values(actions))];
}

function id({ manifest }: StoredImage): string {
  return hexOf(manifest).slice(0, 12);
}

function shown(image: StoredImage) {
  const { name: full, manifest, top, config, platform, size, pulled } = image;
  return {
    name: full,
    id: id(image),
    digest: top,
    manifest,
    config,
    platform: platformText(platform),
    size,
    pulled,
  };
}

function imageTable(images: readonly StoredImage[]): string {
  const rows = images.map((image) => [
    image.name,
    id(image),
    platformText(image.platform),
    bytesText(image.size),
    image.pulled.slice(0, 19),
  ]);
  return table([["NAME", "ID", "PLATFORM", "SIZE", "PULLED"], ...rows]);
}

function configOf(image: StoredImage, store: ImageStore): Omit<ImageConfig, "diffIds"> | null {
  const bytes = store.blob(image.config);
  if (bytes === null) return null;
  const { diffIds: _, ...config } = parseImageConfig(bytes, image.name);
  return config;
}
