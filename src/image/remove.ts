/** Removes images: first their names, then in the background the files that no other name needs. */

import { BrunError } from "../errors.ts";
import { environmentStrings, ownCommand } from "../sys/environment.ts";
import { E } from "../sys/errno.ts";
import { check, isFull } from "../sys/error.ts";
import { cstr, NR, syscall } from "../sys/ffi.ts";
import { AT_FDCWD, close, exists, O, open, readdir, rmdir, unlink } from "../sys/fs.ts";
import { spawn } from "../sys/spawn.ts";
import { type ImageContainer, imageOfContainer } from "./container-image.ts";
import { chainId, hexOf } from "./digest.ts";
import { unpackIds } from "./ids.ts";
import { parseName, type RegistryName } from "./image-name.ts";
import { isLocked, removeLock } from "./lock.ts";
import { imagesOf } from "./ready.ts";
import { candidates, registriesConf } from "./registry/conf.ts";
import { type ImageStore, MAKING } from "./store.ts";
import type { StoredImage } from "./stored.ts";

/** The images for a word, which is a name or the beginning of an id. Throws a BrunError (ERR_IMAGE_NOT_FOUND). */
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
    const found = imagesOf(one, images);
    if (found.length > 0) return found;
  }
  throw new BrunError(`there is no image ${word}`, { code: "ERR_IMAGE_NOT_FOUND", hint: "brun image list" });
}

/** The ids of the containers of an image. */
function usersOf({ manifest, diffIds }: StoredImage, containers: readonly ImageContainer[]): string[] {
  // The chain id of one layer is the layer's own id.
  const end = `/${hexOf(chainId(diffIds))}`;
  return containers
    .filter((container) => {
      const image = imageOfContainer(container);
      return image?.manifest === manifest || (image?.manifest === null && image.place.endsWith(end));
    })
    .map(({ id }) => id);
}

/**
 * Removes images.
 * @param words names, or beginnings of ids
 * @param containers all containers
 * @param force also removes images that containers use; these containers lose their files
 * @returns the removed images
 * @throws BrunError if an image does not exist or is in use
 */
export async function removeImages(
  words: readonly string[],
  store: ImageStore,
  containers: readonly ImageContainer[],
  force: boolean,
): Promise<readonly StoredImage[]> {
  const there = store.images();
  const going = new Set(words.flatMap((word) => imagesNamed(word, there)));
  const losing = new Set<string>();
  for (const image of going) {
    const users = usersOf(image, containers);
    for (const id of users) losing.add(id);
    if (users.length > 0 && !force) {
      throw new BrunError(`${image.name} is in use by the container ${users[0]}`, {
        code: "ERR_STATE",
        hint: `\`brun delete --force ${users[0]}\`, or --force`,
      });
    }
  }
  // Other containers keep their files, also those of an image that has no name any more.
  const keeping = containers.filter(({ id }) => !losing.has(id));
  await forget([...going], store, keeping);
  return [...going];
}

/** Removes images from the record, and then their files. Throws a BrunError or SysError. */
async function forget(
  going: readonly StoredImage[],
  store: ImageStore,
  containers: readonly ImageContainer[],
): Promise<void> {
  const staying = (images: readonly StoredImage[]) =>
    images.filter((image) => !going.some((one) => isSame(one, image)));
  try {
    await store.change(staying);
  } catch (error) {
    if (!isFull(error)) throw error;
    // The record is written anew, which takes room. The files are removed first; an image without files is pulled again.
    await collect(store, containers, staying(store.images()));
    await tidy(store);
    await store.change(staying);
  }
  await collect(store, containers);
}

function isSame(a: StoredImage, b: StoredImage): boolean {
  return a.name === b.name && a.manifest === b.manifest;
}

/** Removes images that no container uses. Throws a BrunError. */
export async function removeUnused(
  store: ImageStore,
  containers: readonly ImageContainer[],
): Promise<readonly StoredImage[]> {
  const unused = store.images().filter((image) => usersOf(image, containers).length === 0);
  await forget(unused, store, containers);
  return unused;
}

/**
 * Removes layers, views and blobs that no image needs, and leftovers of killed processes. Names disappear at
 * once. Files are removed in the background.
 * @param images those that are needed, instead of those of the record
 */
export async function collect(
  store: ImageStore,
  containers: readonly ImageContainer[],
  images?: readonly StoredImage[],
): Promise<void> {
  const lock = await store.lock("record");
  try {
    // An image that is being made has layers, but no name yet.
    if (!isMaking(store.directory)) {
      takeAway(store, images ?? store.images(), containers);
    }
  } finally {
    lock.release();
  }
  removeLeftovers(store);
}

/**
 * Moves layers and views that neither an image nor a container needs to the trash, and removes blobs that no
 * image needs.
 */
function takeAway(
  store: ImageStore,
  named: readonly StoredImage[],
  containers: readonly ImageContainer[],
): void {
  const { directory } = store;
  const inUse = containers.flatMap((container) => imageOfContainer(container) ?? []);
  const places = new Set(inUse.map(({ place }) => place));
  const images = [...named, ...inUse.flatMap(({ manifest }) => withoutName(manifest, store))];
  const needed = {
    layers: new Set(images.flatMap(({ diffIds }) => diffIds.map(hexOf))),
    views: new Set(images.map(({ diffIds }) => hexOf(chainId(diffIds)))),
    blobs: new Set(images.flatMap(({ manifest, config }) => [hexOf(manifest), hexOf(config)])),
  };
  for (const kind of ["layers", "views"] as const) {
    for (const ids of names(`${directory}/${kind}`)) {
      for (const hex of names(`${directory}/${kind}/${ids}`)) {
        const path = `${kind}/${ids}/${hex}`;
        if (needed[kind].has(hex) || places.has(path)) continue;
        const [from, to] = [path, `partial/trash.${crypto.randomUUID()}`].map((one) =>
          cstr(`${directory}/${one}`),
        );
        const result = syscall(NR.renameat2, AT_FDCWD, from!, AT_FDCWD, to!, 0);
        if (result !== -E.ENOENT) check(result, `remove ${path}`);
      }
      rmdir(`${directory}/${kind}/${ids}`);
    }
  }
  for (const algorithm of names(`${directory}/blobs`)) {
    for (const hex of names(`${directory}/blobs/${algorithm}`)) {
      if (!needed.blobs.has(hex)) unlink(`${directory}/blobs/${algorithm}/${hex}`);
    }
  }
}

/** The image of a container. A name may not lead to it any more; `image commit` needs it all the same. */
function withoutName(
  digest: string | null,
  { blobs }: ImageStore,
): Pick<StoredImage, "manifest" | "config" | "diffIds">[] {
  const documents = digest === null ? null : blobs.image(digest, digest);
  if (digest === null || documents === null) return [];
  return [{ manifest: digest, config: documents.manifest.config.digest, diffIds: documents.diffIds }];
}

function names(directory: string): string[] {
  try {
    return readdir(directory);
  } catch {
    return [];
  }
}

/** Whether a process is making an image: {@link ImageStore.making}. */
function isMaking(directory: string): boolean {
  return names(`${directory}/partial`).some(
    (name) => name.startsWith(MAKING) && isLocked(`${directory}/partial/${name}`),
  );
}

/** Starts the removal of leftovers in the background. */
export function removeLeftovers(store: ImageStore): void {
  if (leftovers(store.directory).length > 0) runInBackground(["image", "tidy"]);
}

/** Removes the trash and the leftovers of killed processes. One process does so at a time. Throws a BrunError. */
export async function tidy(store: ImageStore): Promise<void> {
  const lock = await store.lock(TIDYING);
  try {
    const isLock = (path: string) => path.startsWith(`partial/${MAKING}`);
    const all = leftovers(store.directory);
    for (const path of all.filter(isLock)) removeLock(`${store.directory}/${path}`);
    const paths = all.filter((path) => !isLock(path));
    try {
      await removeFiles(paths, store);
    } catch (error) {
      for (const path of paths) setAside(path, store.directory);
      throw error;
    }
  } finally {
    lock.release();
  }
}

/** Renames what could not be removed, so that further removals do not try it again. */
function setAside(path: string, directory: string): void {
  const [from, to] = [path, `${STUCK}${crypto.randomUUID()}`].map((one) => cstr(`${directory}/${one}`));
  syscall(NR.renameat2, AT_FDCWD, from!, AT_FDCWD, to!, 0);
}

/** The user namespace with the most ids can remove the files of all others. Throws a BrunError. */
async function removeFiles(paths: readonly string[], store: ImageStore): Promise<void> {
  if (paths.length > 0) await store.ask({ do: "remove", paths }, unpackIds("auto"));
}

/** The prefix of what could not be removed. */
const STUCK = "partial/stuck.";

/** The lock of {@link tidy}. */
const TIDYING = "tidy";

/**
 * Tries again to remove what could not be removed, such as files of subordinate ids that the caller does not have any
 * more. Returns the error for the user; null if there is nothing left.
 */
export async function removeStuck(store: ImageStore): Promise<BrunError | null> {
  const stuck = names(`${store.directory}/partial`)
    .map((name) => `partial/${name}`)
    .filter((path) => path.startsWith(STUCK));
  if (stuck.length === 0) return null;
  const lock = await store.lock(TIDYING);
  try {
    await removeFiles(stuck, store);
    return null;
  } catch (error) {
    if (!(error instanceof BrunError)) throw error;
    return new BrunError(`files of removed images are still there: ${error.message}`, {
      code: error.code,
      hint: `if they belong to subordinate ids that you do not have any more, root can remove ${store.directory}/${STUCK}*`,
      cause: error,
    });
  } finally {
    lock.release();
  }
}

/**
 * The trash, and leftovers of processes that have ended: a name has the process's id, or belongs to a lock that
 * is not held.
 */
function leftovers(directory: string): string[] {
  return names(`${directory}/partial`)
    .map((name) => `partial/${name}`)
    .filter((path) => {
      if (path.startsWith("partial/trash.")) return true;
      if (path.startsWith(`partial/${MAKING}`)) return !isLocked(`${directory}/${path}`);
      const owner = /^partial\/(?:layer|view|archive|commit)\.(\d+)\./.exec(path)?.[1];
      return owner !== undefined && !exists(`/proc/${owner}`);
    });
}

/** Removes complete and incomplete downloads, unless an image is being made. Throws a SysError. */
export async function removePartial(store: ImageStore): Promise<void> {
  const { directory } = store;
  // While this lock is held, no download can begin.
  const lock = await store.lock("record");
  try {
    if (isMaking(directory)) return;
    for (const name of names(`${directory}/partial`)) {
      if (/^sha(256|512)-[0-9a-f]+$/.test(name)) unlink(`${directory}/partial/${name}`);
    }
  } finally {
    lock.release();
  }
}

/** Starts a command of brun, and does not wait for it. */
function runInBackground(words: readonly string[]): void {
  const fd = open("/dev/null", O.RDWR);
  const self = ownCommand();
  const child = spawn({
    path: self[0],
    argv: [...self, ...words],
    env: environmentStrings(),
    stdio: [fd, fd, fd],
    processGroup: true,
  });
  close(fd);
  if (child.pidfd >= 0) close(child.pidfd);
}
