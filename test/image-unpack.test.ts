/**
 * Unpacking beside `tar -x`: random trees, written by the tars that there are, in each of their formats, are the same after
 * `brun image-unpack` as after the tar that wrote them (of Python's: GNU tar), as root and, in its user namespace, as a user.
 * BRUN_IMAGES_TREES says how many (300 with npm run test:security). And the archives that Go is tested with.
 */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { FULL } from "./security/support.ts";
import { callers, host, installed } from "./support/caller.ts";
import { Unpacking, unpackingCommand } from "./support/unpacking.ts";

const TREES = Number(process.env.BRUN_IMAGES_TREES ?? (FULL ? 300 : 1));
const SEED = Number(process.env.BRUN_IMAGES_SEED ?? Date.now() % 1_000_000);

/** How an archive is written; coarse where a format has no nanoseconds and extended attributes. */
interface Writer {
  readonly name: string;
  readonly pack: readonly string[];
  /** What unpacks it for comparison. */
  readonly unpack: readonly string[];
  readonly coarse: boolean;
}

const TAR = ["tar", "-C", "@out", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-xpf", "@archive"];

const gnu = (format: string, coarse: boolean, ...more: string[]): Writer => ({
  name: ["GNU tar,", format, ...more].join(" "),
  pack: ["tar", "-C", "@tree", `--format=${format}`, ...more, "-cf", "@archive", "."],
  unpack: TAR,
  coarse,
});
const bsd = (format: string, coarse: boolean): Writer => ({
  name: `bsdtar, ${format}`,
  pack: ["bsdtar", "-C", "@tree", `--format=${format}`, "-cf", "@archive", "."],
  unpack: ["bsdtar", "-C", "@out", "-xpf", "@archive"],
  coarse,
});
// Python sets no times of links: GNU tar unpacks what it writes.
const python = (format: string): Writer => ({
  name: `Python, ${format}`,
  pack: ["python3", "trees.py", "pack", format, "@tree", "@archive"],
  unpack: TAR,
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

for (const caller of callers()) {
  for (const { name, pack, unpack, coarse } of WRITERS) {
    test.if(installed(pack[0]!) && installed("python3"))(
      `as ${caller.name}: ${name}: ${TREES} trees from seed ${SEED}`,
      () => {
        using place = new Unpacking(caller);
        const ours = unpackingCommand("@out", "@size");
        const what = { seed: SEED, count: TREES, coarse, pack, unpack: ours, reference: unpack };
        expect(place.run("python3", "trees.py", "compare", JSON.stringify(what))).toBe("same\n");
      },
      3_600_000,
    );
  }
}

const GO = Bun.which("go", { PATH: `${process.env.PATH}:/usr/local/go/bin` });
const TESTDATA = GO === null ? "" : `${host(GO, "env", "GOROOT").trim()}/src/archive/tar/testdata`;

/** Of Go's archives those that brun refuses, and what it says. */
const REFUSED: Readonly<Record<string, string>> = {
  "gnu-incremental.tar": 'unknown type "D"',
  "gnu-sparse-many-zeros.tar.bz2": "a sparse map is too long",
  "issue10968.tar": "is too large",
  "issue11169.tar": "cut off",
  "issue12435.tar": "is too large",
  "neg-size.tar.base64": "is too large",
  "pax-bad-hdr-file.tar": "extended header is damaged",
  "pax-bad-hdr-large.tar.bz2": "an extended header has 1048577 bytes",
  "pax-nul-path.tar": "path has a NUL",
  "pax-nul-xattrs.tar": "an extended attribute has no name",
  "pax-path-hdr.tar": "cut off",
  "writer-big-long.tar.base64": "cut off",
  "writer-big.tar": "cut off",
};

/** Those of which GNU tar makes something else, or nothing. */
const OTHERWISE: Readonly<Record<string, string>> = {
  "gnu-sparse-big.tar.base64": "60 GB are not read",
  "hdr-only.tar": "brun makes no devices",
  "pax-bad-mtime-file.tar": "a time that is no number is the header's for brun, and 999 for tar",
  "pax-global-records.tar": "tar misses the names of global headers",
  "pax-sparse-big.tar.base64": "60 GB are not read",
  "sparse-formats.tar": "tar ends at the first",
  "ustar-file-devs.tar": "brun makes no devices",
};

/** An id that no user namespace has. */
const UNMAPPED = /beyond your subordinate ids/;

for (const caller of FULL ? callers() : callers().slice(-1)) {
  test.if(existsSync(TESTDATA) && installed("bzip2"))(
    `as ${caller.name}: Go's archives`,
    () => {
      let compared = 0;
      for (const file of readdirSync(TESTDATA).filter((name) => name.includes(".tar"))) {
        using place = new Unpacking(caller);
        const archive = `${place.dir}/archive.tar`;
        writeFileSync(archive, plain(`${TESTDATA}/${file}`));
        const unpacked = place.unpack(archive, "store");
        const said = "failure" in unpacked ? unpacked.failure : "";
        if (caller.uid !== 0 && UNMAPPED.test(said)) continue;
        const refused = REFUSED[file];
        expect([file, refused === undefined ? said : said.includes(refused) || said]).toEqual([
          file,
          refused === undefined ? "" : true,
        ]);
        if ("failure" in unpacked || OTHERWISE[file] !== undefined) continue;
        place.run("mkdir", "reference");
        place.run(...TAR.map((word) => (word === "@out" ? "reference" : word.replace("@archive", archive))));
        const list = (tree: string) => place.run("python3", "trees.py", "list", tree);
        expect([file, list(unpacked.root)]).toEqual([file, list("reference")]);
        compared++;
      }
      expect(compared).toBeGreaterThan(10);
    },
    240_000,
  );
}

/** An archive's bytes, as a tar has them. */
function plain(path: string): Uint8Array {
  if (path.endsWith(".base64")) return Buffer.from(readFileSync(path, "latin1"), "base64");
  return path.endsWith(".bz2") ? Bun.spawnSync(["bzip2", "-dc", path]).stdout : readFileSync(path);
}
