/** `brun image`: pull, push, list, inspect, remove, prune, unpack, import, commit. */

import { listEverywhere } from "../container/state/every-root.ts";
import { BrunError, errorLine } from "../errors.ts";
import { shortDigest } from "../image/digest.ts";
import { unpackIds } from "../image/ids.ts";
import { nameText, parseName, type RegistryName } from "../image/image-name.ts";
import { unpackImage } from "../image/make.ts";
import type { ImageConfig } from "../image/manifest.ts";
import { platformText } from "../image/platform.ts";
import { pull } from "../image/pull.ts";
import { candidates, registriesConf } from "../image/registry/conf.ts";
import {
  collect,
  imagesNamed,
  removeImages,
  removePartial,
  removeStuck,
  removeUnused,
  tidy,
} from "../image/remove.ts";
import { sizeText } from "../image/size.ts";
import { ImageStore } from "../image/store.ts";
import type { StoredImage } from "../image/stored.ts";
import { absolute, exists, mkdirAll, O, open, readdir } from "../sys/fs.ts";
import { retellAction, unknownAction } from "./action.ts";
import { type Command, defineCommand } from "./command.ts";
import type { Flags } from "./flags.ts";
import { isJson, table } from "./format.ts";
import { openRuntime } from "./globals.ts";
import { formatFlag, userns } from "./hot-flags.ts";
import { ACTIONS, action, name, quiet } from "./image-args.ts";
import { credsOf, policyOf, pullOptions } from "./image-flags.ts";
import {
  OTHER_ACTIONS,
  OTHER_LIST_FLAGS,
  OTHER_PRUNE_FLAGS,
  OTHER_PULL_FLAGS,
  OTHER_REMOVE_FLAGS,
} from "./image-other.ts";
import { progressFor } from "./image-progress.ts";
import { commitCommand, importCommand, pushCommand } from "./image-write.ts";
import { log } from "./log.ts";
import { print } from "./output.ts";
import { credsFlags, pullFlags, pullPolicy } from "./pull-flags.ts";

const pullCommand = defineCommand({
  meta: { name, description: "pull: get an image, for run --image" },
  args: {
    action,
    image: {
      type: "positional",
      description: "debian:12, ghcr.io/owner/name@sha256:…, oci:DIR[:TAG], docker-archive:FILE[:NAME], …",
    },
    policy: { ...pullPolicy, default: "always", description: "when the registry is asked" },
    ...pullFlags,
    ...credsFlags,
    userns,
    quiet,
  },
  others: OTHER_PULL_FLAGS,
  details: `It is unpacked without root. From then on run --image starts it without asking anybody.

EXAMPLE
  brun image pull debian:12
  brun image pull --platform linux/arm64 docker.io/library/alpine
  brun image pull docker-archive:image.tar`,
  async run({ args, data }) {
    const progress = progressFor(data.values.client, args.quiet);
    const options = {
      ...pullOptions(args, policyOf(args.policy, "--policy"), data),
      credentials: await credsOf(args, args.image),
      progress: progress.event,
    };
    const { image } = await pull(args.image, options);
    progress.end();
    print(`${image.manifest}\n`);
    return 0;
  },
});

const listCommand = defineCommand({
  meta: { name, description: "list the images in the store" },
  args: {
    action,
    format: formatFlag,
    quiet,
    names: { type: "boolean", description: "print the names alone" },
    "names-for": { type: "string", hidden: true, description: "those that complete a word" },
  },
  others: OTHER_LIST_FLAGS,
  run({ args }) {
    const images = [...ImageStore.open().images()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const word = args["names-for"];
    if (word !== undefined) print(namesFor(word, images).join(""));
    else if (args.names) print(images.map((image) => `${image.name}\n`).join(""));
    else if (args.quiet) print(images.map((image) => `${shortDigest(image.manifest)}\n`).join(""));
    else if (isJson(args.format)) print(`${JSON.stringify(images.map(shown), null, "  ")}\n`);
    else print(imageTable(images));
    return 0;
  },
});

/** Completes names in their short form ("debian:12" for docker's own), unless the beginning of the long form was typed. */
function namesFor(word: string, images: readonly StoredImage[]): string[] {
  const conf = registriesConf();
  return images.map(({ name }) => {
    const short = name.replace(/^docker\.io\/(?:library\/)?/, "");
    if (short === name || (word.length > 1 && name.startsWith(word))) return `${name}\n`;
    const [first] = candidates(parseName(short) as RegistryName, conf);
    return `${first !== undefined && nameText(first) === name ? short : name}\n`;
  });
}

const inspectCommand = defineCommand({
  meta: { name, description: "print an image's config and layers as JSON" },
  args: {
    action,
    image: { type: "positional", description: "its name or id" },
    format: { ...formatFlag, valueHint: "json", default: "json" },
  },
  run({ args }) {
    if (!isJson(args.format)) {
      throw new BrunError("image inspect prints JSON alone", { code: "ERR_USAGE", hint: "brun image list" });
    }
    const found = imagesNamed(args.image, ImageStore.open().images());
    const all = found.map((image) => ({
      ...shown(image),
      layers: image.diffIds,
      config: configOf(image),
    }));
    print(`${JSON.stringify(all, null, "  ")}\n`);
    return 0;
  },
});

const removeCommand = defineCommand({
  meta: { name, description: "remove images" },
  args: {
    action,
    images: { type: "positional", rest: true, flagsAfter: true, description: "their names or ids" },
    force: { type: "boolean", alias: "f", description: "also those that containers use" },
  },
  others: OTHER_REMOVE_FLAGS,
  async run({ args, data }) {
    if (args.images.length === 0)
      throw new BrunError("image remove needs a name", { code: "ERR_USAGE", hint: "brun image list" });
    const removed = await removeImages(
      args.images,
      ImageStore.open(),
      listEverywhere(openRuntime(data)),
      args.force,
    );
    for (const image of removed) print(`${image.name}\n`);
    return 0;
  },
});

const pruneCommand = defineCommand({
  meta: { name, description: "remove what no image needs, and broken-off downloads" },
  args: {
    action,
    all: { type: "boolean", alias: "a", description: "also images that no container uses" },
    force: { type: "boolean", alias: "f", description: "has no effect, since it never asks" },
  },
  short: true,
  others: OTHER_PRUNE_FLAGS,
  async run({ args, data }) {
    const store = ImageStore.open();
    const containers = listEverywhere(openRuntime(data));
    if (args.all) for (const image of await removeUnused(store, containers)) print(`${image.name}\n`);
    else await collect(store, containers);
    await removePartial(store);
    const left = await removeStuck(store);
    if (left !== null) log(data.log, "warning", errorLine(left));
    return 0;
  },
});

const unpackCommand = defineCommand({
  meta: { name, description: "unpack an image's files into a directory" },
  args: {
    action,
    image: { type: "positional", description: "its name" },
    directory: { type: "positional", description: "empty, or missing" },
    ...pullFlags,
    userns,
    quiet,
  },
  details: `It can be written to: brun run --rootfs DIR --writable. Files of subordinate ids are removed by brun unshare.

EXAMPLE
  brun image unpack debian:12 rootfs`,
  async run({ args, data }) {
    const path = absolute(args.directory);
    if (exists(path) && readdir(path).length > 0) {
      throw new BrunError(`${path} is not empty`, {
        code: "ERR_EXISTS",
        where: path,
        hint: "name a directory that does not exist",
      });
    }
    const store = ImageStore.open();
    const progress = progressFor(data.values.client, args.quiet);
    const options = { ...pullOptions(args, "missing", data), progress: progress.event, store };
    const { root } = await pull(args.image, options);
    progress.end();
    mkdirAll(path, 0o755);
    const directory = open(path, O.RDONLY | O.DIRECTORY);
    await unpackImage(root, directory, store, unpackIds(options.userns, options.rootless));
    return 0;
  },
});

/** The work that `remove`, `prune` and `pull` leave to a process in the background. */
const tidyCommand = defineCommand({
  meta: { name, hidden: true, description: "remove files that no image needs" },
  args: { action },
  async run() {
    await tidy(ImageStore.open());
    return 0;
  },
});

const actions: Readonly<Record<string, Command>> = {
  pull: pullCommand as unknown as Command,
  push: pushCommand as unknown as Command,
  list: listCommand as unknown as Command,
  ls: listCommand as unknown as Command,
  inspect: inspectCommand as unknown as Command,
  remove: removeCommand as unknown as Command,
  rm: removeCommand as unknown as Command,
  unpack: unpackCommand as unknown as Command,
  import: importCommand as unknown as Command,
  commit: commitCommand as unknown as Command,
  prune: pruneCommand as unknown as Command,
  tidy: tidyCommand as unknown as Command,
};

const overview = defineCommand({
  meta: { name, description: "get, list and remove images for run --image" },
  args: {
    action,
    names: {
      type: "positional",
      rest: true,
      flagsAfter: true,
      required: false,
      valueHint: "image",
      description: "what the action is about",
    },
  },
  details: `  brun image pull NAME          get an image, or its newest state
  brun image push NAME [TO]     write an image to a registry or into a file
  brun image list               list the images in the store
  brun image inspect NAME       print an image's config and layers as JSON
  brun image remove NAME…       remove images
  brun image prune              remove what no image needs
  brun image unpack NAME DIR    unpack an image's files into a directory
  brun image import FILE NAME   make an image of an archive of files
  brun image commit ID NAME     make an image of a running container

NAME is as for podman and docker: debian:12, ghcr.io/owner/name@sha256:…; files are oci:DIR[:TAG], oci-archive:FILE[:TAG],
docker-archive:FILE[:NAME], dir:DIR. "brun image pull --help" tells the flags of one.

EXAMPLE
  brun image pull debian:12
  brun run --image debian:12 -- cat /etc/os-release`,
  run({ args }) {
    throw unknownAction(name, args.action, ACTIONS, args.names, OTHER_ACTIONS);
  },
  retell: retellAction(name, ACTIONS, OTHER_ACTIONS),
});

/** The commands of the actions. */
export function imageActions(): Command[] {
  return [...new Set(Object.values(actions))].filter(({ meta }) => meta.hidden !== true);
}

/** The command of an action. */
export function imageCommand(argv: readonly string[]): Command<Flags> {
  const word = argv.find((arg) => !arg.startsWith("-")) ?? "";
  return actions[word] ?? (overview as unknown as Command);
}

function shown(image: StoredImage) {
  const { name: full, manifest, top, config, platform, size, pulled } = image;
  return {
    name: full,
    id: shortDigest(manifest),
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
    shortDigest(image.manifest),
    platformText(image.platform),
    sizeText(image.size),
    image.pulled.slice(0, 19),
  ]);
  return table([["NAME", "ID", "PLATFORM", "SIZE", "PULLED"], ...rows]);
}

function configOf({ runs: { diffIds: _, ...config } }: StoredImage): Omit<ImageConfig, "diffIds"> {
  return config;
}
