/**
 * Images in tar archives: `oci-archive:FILE[:TAG]`, and `docker-archive:FILE[:TAG]` as `docker save` and
 * `podman save` write it. Files are read from the archive in place. A compressed archive is first uncompressed
 * to a temporary file.
 */
import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import * as v from "valibot";
import { BrunError } from "../../errors.ts";
import { quoted } from "../../printable.ts";
import { E } from "../../sys/errno.ts";
import { check } from "../../sys/error.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { absolute, close, fstat, tryStat, unlink } from "../../sys/fs.ts";
import { utf8 } from "../../sys/utf8.ts";
import { digestOf } from "../digest.ts";
import { compressionOf, MAGIC_SIZE } from "../formats.ts";
import { type FileName, nameText, parseName } from "../image-name.ts";
import { type Descriptor, DOCUMENT_MAX, imageJson, MEDIA, parseImageConfig } from "../manifest.ts";
import { BLOCK, TarError } from "../tar/header.ts";
import { TarReader } from "../tar/reader.ts";
import type { Files } from "./layout.ts";
import { type Document, type LayerFile, openFile, type Source } from "./source.ts";

/** The place of a file in the archive, or the target of a link. */
type Member = { readonly offset: number; readonly size: number } | { readonly link: string };

const LINKS_MAX = 8;

/** The files of an archive. Throws a BrunError. */
export async function archiveFiles(path: string, temporary: string, where: string): Promise<Files> {
  if (tryStat(path) === -E.ENOENT) {
    const hint = "is it the right file?";
    throw new BrunError(`there is no ${path}`, { code: "ERR_IMAGE_NOT_FOUND", where, hint });
  }
  const opened = await openPlain(path, temporary, where);
  const members = readMembers(opened.fd, where);
  const find = (name: string): { readonly offset: number; readonly size: number } => {
    let at = clean(name);
    for (let i = 0; i < LINKS_MAX; i++) {
      const member = members.get(at);
      if (member === undefined) break;
      if (!("link" in member)) return member;
      at = clean(absolute(member.link, `/${at.slice(0, Math.max(0, at.lastIndexOf("/")))}`));
    }
    throw new BrunError(`${where} has no file ${quoted(name)}`, { code: "ERR_ARCHIVE", where });
  };
  return {
    read: async (name) => {
      const { offset, size } = find(name);
      if (size > DOCUMENT_MAX)
        throw new BrunError(`${quoted(name)} in it has ${size} bytes`, { code: "ERR_ARCHIVE", where });
      const bytes = new Uint8Array(size);
      readAt(opened.fd, bytes, offset, where);
      return bytes;
    },
    open: async (name) => {
      const { offset, size } = find(name);
      const fd = openFile(opened.path, where);
      check(syscall(NR.lseek, fd, offset, 0), `seek in ${path}`);
      return { fd, size };
    },
    close: () => {
      close(opened.fd);
      if (opened.path !== path) unlink(opened.path);
    },
  };
}

function clean(path: string): string {
  return path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/");
}

/** Opens the archive. If it is compressed, it is uncompressed to `temporary`. */
async function openPlain(
  path: string,
  temporary: string,
  where: string,
): Promise<{ fd: number; path: string }> {
  const fd = openFile(path, where);
  const head = new Uint8Array(MAGIC_SIZE);
  syscall(NR.pread64, fd, head, head.length, 0);
  const compression = compressionOf(head);
  if (compression === null) return { fd, path };
  close(fd);
  try {
    const unpacking = compression === "gzip" ? createGunzip() : createZstdDecompress();
    await pipeline(createReadStream(path), unpacking, createWriteStream(temporary, { mode: 0o600 }));
    return { fd: openFile(temporary, where), path: temporary };
  } catch (error) {
    unlink(temporary);
    throw error instanceof BrunError
      ? error
      : new BrunError(`${where} cannot be uncompressed: ${(error as Error).message}`, {
          code: "ERR_ARCHIVE",
          where,
        });
  }
}

function readAt(fd: number, bytes: Uint8Array, offset: number, where: string): void {
  for (let at = 0; at < bytes.length; ) {
    const n = check(
      syscall(NR.pread64, fd, bytes.subarray(at), bytes.length - at, offset + at),
      `read ${where}`,
    );
    if (n === 0) throw new BrunError(`${where} has been cut off`, { code: "ERR_ARCHIVE", where });
    at += n;
  }
}

/** The members by name. Only headers are read. */
function readMembers(fd: number, where: string): ReadonlyMap<string, Member> {
  const members = new Map<string, Member>();
  const end = fstat(fd).size;
  let at = 0;
  let skip = 0;
  const reader = new TarReader({
    entry({ type, path, linkPath, size }) {
      if (type === "symlink") members.set(clean(path), { link: linkPath });
      // Targets of hard links are relative to the archive's root.
      else if (type === "link") members.set(clean(path), { link: `/${linkPath}` });
      else if (type === "file") {
        members.set(clean(path), { offset: at, size });
        skip = size;
      }
    },
    data() {},
    end() {},
  });
  const block = new Uint8Array(BLOCK);
  try {
    while (at < end) {
      readAt(fd, block, at, where);
      at += BLOCK;
      reader.feed(block);
      if (skip === 0) continue;
      const rounded = Math.ceil(skip / BLOCK) * BLOCK;
      if (at + skip > end) throw new BrunError(`${where} has been cut off`, { code: "ERR_ARCHIVE", where });
      reader.skip();
      at += rounded;
      skip = 0;
    }
  } catch (error) {
    if (error instanceof TarError)
      throw new BrunError(`${where} is no sound tar archive: ${error.message}`, {
        code: "ERR_ARCHIVE",
        where,
      });
    throw error;
  }
  return members;
}

const savedSchema = v.array(
  v.object({
    Config: v.string(),
    RepoTags: v.optional(v.nullable(v.array(v.string()))),
    Layers: v.array(v.string()),
  }),
);

/** An archive of `docker save`: its manifest.json has the paths of the config and the layers. */
export class SavedSource implements Source {
  private readonly where: string;
  private layers: ReadonlyMap<string, string> = new Map();
  private configBytes = new Uint8Array(0) as Uint8Array;

  constructor(
    private readonly name: FileName,
    private readonly files: Files,
  ) {
    this.where = nameText(name);
  }

  async top(): Promise<Document> {
    const where = `${this.where}: manifest.json`;
    const result = v.safeParse(savedSchema, imageJson(await this.files.read("manifest.json"), where));
    if (!result.success)
      throw new BrunError(`${where} is not what docker save writes`, { code: "ERR_ARCHIVE", where });
    const chosen = this.choose(result.output);
    this.configBytes = await this.files.read(chosen.Config);
    const config = parseImageConfig(this.configBytes, `${this.where}: ${chosen.Config}`);
    if (config.diffIds.length !== chosen.Layers.length) {
      throw new BrunError(`${this.where} has another number of layers than its config says`, {
        code: "ERR_ARCHIVE",
        where: this.where,
      });
    }
    this.layers = new Map(config.diffIds.map((diffId, i) => [diffId, chosen.Layers[i]!]));
    // The layers are usually not compressed. Their diffIDs are checked in any case.
    const sizes = await Promise.all(chosen.Layers.map((path) => this.sizeOf(path)));
    const manifest = {
      schemaVersion: 2,
      mediaType: MEDIA.manifest,
      config: { mediaType: MEDIA.config, digest: digestOf(this.configBytes), size: this.configBytes.length },
      layers: config.diffIds.map((digest, i) => ({ mediaType: MEDIA.layer, digest, size: sizes[i]! })),
    };
    return { bytes: utf8(JSON.stringify(manifest)), mediaType: MEDIA.manifest };
  }

  private async sizeOf(path: string): Promise<number> {
    const { fd, size } = await this.files.open(path);
    close(fd);
    return size;
  }

  private choose(saved: v.InferOutput<typeof savedSchema>): v.InferOutput<typeof savedSchema>[number] {
    const { tag } = this.name;
    const names = saved.flatMap(({ RepoTags }) => RepoTags ?? []);
    const fitting = saved.filter(
      ({ RepoTags }) => tag === undefined || (RepoTags ?? []).some((name) => isNamed(name, tag)),
    );
    if (fitting.length === 1) return fitting[0]!;
    const which = tag === undefined ? "several images" : `no image ${quoted(tag)}`;
    throw new BrunError(`${this.where} has ${saved.length === 0 ? "no image" : which}`, {
      code: "ERR_IMAGE_NOT_FOUND",
      where: this.where,
      hint: names.length === 0 ? undefined : `there are: ${names.slice(0, 12).join(", ")}`,
    });
  }

  manifest(): Promise<Document> {
    throw new BrunError(`${this.where} has no index`, { code: "ERR_ARCHIVE", where: this.where });
  }

  async config(): Promise<Uint8Array> {
    return this.configBytes;
  }

  async layer({ digest }: Descriptor, progress: (bytes: number) => void): Promise<LayerFile> {
    const { fd, size } = await this.files.open(this.layers.get(digest)!);
    progress(size);
    return { fd, size, digest: null, release: () => close(fd) };
  }

  close(): void {
    this.files.close();
  }
}

/** Whether a name in the archive is the wanted one: "debian:12" is "docker.io/library/debian:12". */
function isNamed(name: string, tag: string): boolean {
  if (name === tag || name.endsWith(`:${tag}`)) return true;
  try {
    return nameText(parseName(name)) === nameText(parseName(tag));
  } catch {
    return false;
  }
}
