/** Taking images away: names first, then what no name needs any more, in the background. */

import type { ContainerState } from "../container/types.ts";
import { BrunError } from "../errors.ts";
import { ownCommand } from "../sys/environment.ts";
import { E } from "../sys/errno.ts";
import { check } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_FDCWD, close, exists, O, open, readdir, rmdir, tryStat, unlink } from "../sys/fs.ts";
import { spawn } from "../sys/spawn.ts";
import { chainId, hexOf } from "./digest.ts";
import type { StoredImage } from "./record.ts";
import { nameText, parseName, type RegistryName } from "./reference.ts";
import { candidates, registriesConf } from "./registry/conf.ts";
import type { ImageStore } from "./store.ts";

/** The images that a word stands for: a name, or the beginning of an id. Throws a BrunError (ERR_IMAGE_NOT_FOUND). */
export function imagesNamed(word: string, images: readonly StoredImage[]): readonly StoredImage[] {
  if (/^(sha256:)?[0-9a-f]{6,64}$/.test(word)) {
    const hex = word.replace(/^sha256:/, "");
    const found = images.filter(
      (image) => hexOf(image.manifest).startsWith(hex) || hexOf(image.config).startsWith(hex),
    );
    if (found.length > 0) return found;
  }
  const name = parseName(word);
  const names = name.transport === "registry" ? candidates(name as RegistryName, registriesConf()) : [name];
  for (const one of names) {
    const found = images.filter((image) => image.name === nameText(one));
    if (found.length > 0) return found;
  }
  throw new BrunError(`there is no image ${word}`, { code: "ERR_IMAGE_NOT_FOUND", hint: "brun image list" });
}

/** The containers whose root is of an image. */
export function usersOf(
  image: StoredImage,
  store: ImageStore,
  containers: readonly ContainerState[],
): string[] {
  const ends = [hexOf(chainId(image.diffIds)), hexOf(image.diffIds[0]!)].map((hex) => `/${hex}/root`);
  return containers
    .filter(
      ({ bundle }) => bundle.startsWith(`${store.directory}/`) && ends.some((end) => bundle.endsWith(end)),
    )
    .map(({ id }) => id);
}

/**
 * Removes images by name.
 * @param containers that there are
 * @param force also those that containers use, which lose their files
 * @returns the names
 * @throws BrunError one is not there, or in use
 */
export async function removeImages(
  words: readonly string[],
  store: ImageStore,
  containers: readonly ContainerState[],
  force: boolean,
): Promise<readonly StoredImage[]> {
  const there = store.images();
  const going = new Set(words.flatMap((word) => imagesNamed(word, there)));
  for (const image of going) {
    const users = usersOf(image, store, containers);
    if (users.length > 0 && !force) {
      throw new BrunError(`${image.name} is in use by the container ${users[0]}`, {
        code: "ERR_STATE",
        hint: `brun delete --force ${users[0]}, or --force`,
      });
    }
  }
  await store.change((images) => images.filter((image) => ![...going].some((one) => isSame(one, image))));
  await collect(store, containers, force);
  return [...going];
}

function isSame(a: StoredImage, b: StoredImage): boolean {
  return a.name === b.name && a.manifest === b.manifest;
}

/** Removes images that no container uses. Throws a BrunError. */
export async function removeUnused(
  store: ImageStore,
  containers: readonly ContainerState[],
): Promise<readonly StoredImage[]> {
  const unused = store.images().filter((image) => usersOf(image, store, containers).length === 0);
  await store.change((images) => images.filter((image) => !unused.some((one) => isSame(one, image))));
  await collect(store, containers, false);
  return unused;
}

/**
 * Takes away what no image needs: layers, views, blobs, and what killed processes have left. Names are gone at once; the
 * files go in the background.
 */
export async function collect(
  store: ImageStore,
  containers: readonly ContainerState[],
  force: boolean,
): Promise<void> {
  const { directory } = store;
  const lock = await store.lock("record");
  const going: string[] = [];
  try {
    const images = store.images();
    const layers = new Set(images.flatMap(({ diffIds }) => diffIds.map(hexOf)));
    const views = new Set(images.map(({ diffIds }) => hexOf(chainId(diffIds))));
    const blobs = new Set(images.flatMap(({ manifest, config }) => [hexOf(manifest), hexOf(config)]));
    const used = force ? [] : containers.map(({ bundle }) => bundle);
    const inUse = (path: string) => used.some((bundle) => bundle.startsWith(`${directory}/${path}/`));
    for (const [kind, needed] of [
      ["layers", layers],
      ["views", views],
    ] as const) {
      for (const ids of names(`${directory}/${kind}`)) {
        for (const hex of names(`${directory}/${kind}/${ids}`)) {
          const path = `${kind}/${ids}/${hex}`;
          if (needed.has(hex) || inUse(path) || isBeingMade(directory, path)) continue;
          const trash = `partial/trash.${crypto.randomUUID()}`;
          const result = syscall(
            NR.renameat2,
            AT_FDCWD,
            cstr(`${directory}/${path}`),
            AT_FDCWD,
            cstr(`${directory}/${trash}`),
            0,
          );
          if (result !== -E.ENOENT) check(result, `remove ${path}`);
          going.push(trash);
        }
        rmdir(`${directory}/${kind}/${ids}`);
      }
    }
    for (const algorithm of ["sha256", "sha512"]) {
      for (const hex of names(`${directory}/blobs/${algorithm}`)) {
        if (!blobs.has(hex)) unlink(`${directory}/blobs/${algorithm}/${hex}`);
      }
    }
    going.push(...leftovers(directory));
  } finally {
    lock.release();
  }
  if (going.length > 0) removeInBackground(directory, going);
}

function names(directory: string): string[] {
  try {
    return readdir(directory);
  } catch {
    return [];
  }
}

/** A pull that is under way has its layers before its name. */
function isBeingMade(directory: string, path: string): boolean {
  // Whoever pulls has locks; without one nobody does.
  const stat = tryStat(`${directory}/${path}`);
  if (typeof stat === "number") return false;
  return names(`${directory}/partial`).some(
    (name) => name.endsWith(".lock") && name !== "record.lock" && isLocked(`${directory}/partial/${name}`),
  );
}

const LOCK_EX = 2;
const LOCK_NB = 4;

function isLocked(path: string): boolean {
  const fd = syscall(NR.openat, AT_FDCWD, cstr(path), O.RDONLY | O.CLOEXEC, 0);
  if (fd < 0) return false;
  const result = syscall(NR.flock, fd, LOCK_EX | LOCK_NB);
  close(fd);
  return result !== 0;
}

/** Has what killed processes have left removed, in the background. */
export function removeLeftovers(store: ImageStore): void {
  const going = leftovers(store.directory);
  if (going.length > 0) removeInBackground(store.directory, going);
}

/** What a process has left that is not there any more: its number is in the name. */
function leftovers(directory: string): string[] {
  return names(`${directory}/partial`)
    .filter((name) => {
      const owner = /^(?:layer|view|archive|commit)\.(\d+)\./.exec(name)?.[1];
      return name.startsWith("trash.") || (owner !== undefined && !exists(`/proc/${owner}`));
    })
    .map((name) => `partial/${name}`);
}

/** Whole downloads that nobody goes on with, and broken off ones. Returns how many. */
export function removePartial(store: ImageStore): number {
  let removed = 0;
  for (const name of names(`${store.directory}/partial`)) {
    if (/^sha(256|512)-[0-9a-f]+$/.test(name) && unlink(`${store.directory}/partial/${name}`) === 0)
      removed++;
  }
  return removed;
}

/** `brun image-unpack` in the user namespace, where files of all ids can be removed; this process does not wait. */
function removeInBackground(store: string, paths: readonly string[]): void {
  const fd = open("/dev/null", O.RDWR);
  const request = JSON.stringify({ do: "remove", store, paths });
  const [path, ...words] = ownCommand();
  const child = spawn({
    path,
    argv: [path, ...words, "image", "remove-files", request],
    env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    stdio: [fd, fd, fd],
    processGroup: true,
  });
  close(fd);
  if (child.pidfd >= 0) close(child.pidfd);
}
