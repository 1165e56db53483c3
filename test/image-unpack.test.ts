/**
 * Unpacking beside `tar -x`: random trees, written by the tars that there are, in each of their formats, are the same after
 * `brun image-unpack` as after the tar that wrote them (of Python's: GNU tar). BRUN_IMAGES_TREES says how many (300 with npm run test:security).
 */
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { host, installed, isRoot } from "./support/caller.ts";

const TREES = Number(process.env.BRUN_IMAGES_TREES ?? (process.env.BRUN_SECURITY === "full" ? 300 : 1));
const SEED = Number(process.env.BRUN_IMAGES_SEED ?? Date.now() % 1_000_000);
const BRUN = new URL("../dist/brun", import.meta.url).pathname;
const HELPER = new URL("./image/trees.py", import.meta.url).pathname;

/** How an archive is written; coarse where a format has no nanoseconds and extended attributes. */
interface Writer {
  readonly name: string;
  readonly program: string;
  readonly args: (tree: string, archive: string) => string[];
  /** What unpacks it for comparison; null for GNU tar, as Python sets no times of links. */
  readonly unpack: ((tree: string, archive: string) => string[]) | null;
  readonly coarse: boolean;
}

const gnu = (format: string, coarse: boolean, ...more: string[]): Writer => ({
  name: ["GNU tar,", format, ...more].join(" "),
  program: "tar",
  args: (tree, archive) => ["-C", tree, `--format=${format}`, ...more, "-cf", archive, "."],
  unpack: (tree, archive) => ["-C", tree, "--xattrs", "--xattrs-include=*", "-xpf", archive],
  coarse,
});
const bsd = (format: string, coarse: boolean): Writer => ({
  name: `bsdtar, ${format}`,
  program: "bsdtar",
  args: (tree, archive) => ["-C", tree, `--format=${format}`, "-cf", archive, "."],
  unpack: (tree, archive) => ["-C", tree, "-xpf", archive],
  coarse,
});
const python = (format: string): Writer => ({
  name: `Python, ${format}`,
  program: "python3",
  args: (tree, archive) => [HELPER, "pack", format, tree, archive],
  unpack: null,
  coarse: true,
});

const WRITERS: readonly Writer[] = [
  gnu("posix", false, "--xattrs"),
  gnu("posix", false, "--xattrs", "--sparse", "--sparse-version=1.0"),
  gnu("posix", false, "--xattrs", "--sparse", "--sparse-version=0.1"),
  gnu("posix", false, "--xattrs", "--sparse", "--sparse-version=0.0"),
  gnu("gnu", true),
  gnu("gnu", true, "--sparse"),
  bsd("pax", false),
  bsd("gnutar", true),
  python("pax"),
  python("gnu"),
];

/** Unpacks as brun's own process does, and returns where the files are. */
function unpack(archive: string, store: string): string {
  mkdirSync(`${store}/partial`, { recursive: true });
  const size = readFileSync(archive).length;
  const digest = `sha256:${"0".repeat(64)}`;
  const request = {
    do: "unpack",
    store,
    directory: "partial/root",
    size,
    digest,
    diffId: digest,
    room: 1e12,
  };
  const { stdout, stderr } = Bun.spawnSync([BRUN, "image-unpack", JSON.stringify(request)], {
    stdin: Bun.file(archive),
    stdout: "pipe",
    stderr: "pipe",
  });
  const last = JSON.parse(stdout.toString().trimEnd().split("\n").at(-1) ?? "{}");
  expect([last.failure, stderr.toString()]).toEqual([undefined, ""]);
  return `${store}/partial/root`;
}

for (const writer of WRITERS) {
  test.if(isRoot && installed(writer.program) && installed("python3"))(
    `${writer.name}: ${TREES} trees from seed ${SEED}`,
    () => {
      for (let i = 0; i < TREES; i++) {
        const dir = mkdtempSync(`${tmpdir()}/brun-trees-`);
        try {
          const coarse = writer.coarse ? ["coarse"] : [];
          host("python3", HELPER, "make", `${SEED + i}`, `${dir}/tree`, ...coarse);
          host(writer.program, ...writer.args(`${dir}/tree`, `${dir}/archive.tar`));
          const unpacked = unpack(`${dir}/archive.tar`, `${dir}/store`);
          mkdirSync(`${dir}/reference`);
          const unpacking = (writer.unpack ?? WRITERS[0]!.unpack!)(`${dir}/reference`, `${dir}/archive.tar`);
          host(writer.unpack === null ? "tar" : writer.program, ...unpacking);
          const list = (tree: string) => host("python3", HELPER, "list", tree, ...coarse);
          expect(list(unpacked)).toBe(list(`${dir}/reference`));
        } finally {
          rmSync(dir, { recursive: true, force: true });
        }
      }
    },
    600_000,
  );
}
