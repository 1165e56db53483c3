/** Cases about images: unpacking, compared with umoci and podman; running, compared with a directory and podman. */
import { writeFileSync } from "node:fs";
import { imageOf, writeLayout } from "../src/image/testing/image.ts";
import { host, ownedDir } from "../test/support/caller.ts";
import { type Case, type Command, timed, untimed } from "./case.ts";
import type { Stand } from "./setup.ts";

/** Files of the machine's own system, as many as a small Debian has. */
const FILES = 4000;
const LAYERS = 8;

/** brun with a separate store. */
function brun(stand: Stand, store: string, ...args: string[]): string[] {
  return ["/usr/bin/env", `XDG_DATA_HOME=${stand.dir}/${store}`, stand.programs.brun!, ...args];
}

/** podman with a separate storage. */
function podman(stand: Stand, path: string, ...args: string[]): string[] {
  return [path, "--root", `${stand.dir}/podman`, "--runroot", `${stand.dir}/podman-run`, ...args];
}

const cleanStore = (stand: Stand, store: string): Command =>
  untimed(stand.programs.brun!, "unshare", "--", "rm", "-rf", `${stand.dir}/${store}`);

/** Archives of files from all over the system, so many in all. */
function archives(stand: Stand, count: number): Uint8Array[] {
  const find = ["find", "/usr/bin", "/usr/lib", "/usr/share", "-xdev", "-type", "f", "-size", "-4096k"];
  // More names than host() takes.
  const { stdout } = Bun.spawnSync([...find, "-perm", "-444"]);
  const all = stdout.toString().trim().split("\n").sort();
  const step = Math.max(1, Math.floor(all.length / FILES));
  const files = all.filter((_, i) => i % step === 0).slice(0, FILES);
  return Array.from({ length: count }, (_, n) => {
    const list = `${stand.dir}/files-${count}-${n}`;
    writeFileSync(list, `${files.filter((_, i) => i % count === n).join("\n")}\n`);
    const [archive, flags] = [`${list}.tar`, ["--owner=0", "--group=0", "--hard-dereference"]];
    host("tar", "-C", "/", ...flags, "-cf", archive, "-T", list);
    return new Uint8Array(Bun.mmap(archive));
  });
}

/** Writes images of the archives into a layout. Returns its path. */
function layout(stand: Stand, name: string, images: Readonly<Record<string, readonly Uint8Array[]>>): string {
  const path = `${stand.dir}/${name}`;
  const made = Object.entries(images).map(([tag, layers]) => [tag, imageOf(layers)] as const);
  writeLayout(path, Object.fromEntries(made));
  return path;
}

/** A pulled image with /bin/true, and the directory of the same files. */
function running(stand: Stand, key: string): Map<string, Command[]> {
  const bundle = stand.bundle(key);
  const archive = `${stand.dir}/${key}.tar`;
  host("tar", "-C", `${bundle}/rootfs`, "--owner=0", "--group=0", "-cf", archive, ".");
  const name = "localhost/bench:1";
  const brun = stand.programs.brun!;
  stand.start([brun, "image", "import", archive, name]);
  return new Map([
    ["brun", [timed(brun, "run", "--image", name, "--", "/bin/true")]],
    ["brun --rootfs", [timed(brun, "run", "--rootfs", `${bundle}/rootfs`, "--", "/bin/true")]],
  ]);
}

/** Process id of the registry; 0 for none. */
let registry = 0;

/** Debian's docker-registry on a port of loopback. Returns a name for an image in it; null where it is not installed. */
function startRegistry(stand: Stand): string | null {
  const path = Bun.which("docker-registry");
  if (path === null) {
    console.error("bench: docker-registry is not installed and left out");
    return null;
  }
  const port = 20_000 + (process.pid % 10_000);
  const storage = ownedDir(stand.user, `${stand.dir}/registry`);
  const config = `version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: ${storage}}}
http: {addr: "127.0.0.1:${port}"}
`;
  writeFileSync(`${stand.dir}/registry.yml`, config);
  registry = stand.background(["/bin/sh", "-c", `exec ${path} serve ${stand.dir}/registry.yml 2>/dev/null`]);
  for (let tries = 0; tries < 100; tries++) {
    const { exitCode } = Bun.spawnSync(["bash", "-c", `: </dev/tcp/127.0.0.1/${port}`], { stderr: "ignore" });
    if (exitCode === 0) break;
    Bun.sleepSync(50);
  }
  return `127.0.0.1:${port}/bench:1`;
}

function endRegistry(): void {
  if (registry > 0) process.kill(registry, "SIGTERM");
  registry = 0;
}

export const IMAGE_CASES: readonly Case[] = [
  {
    key: "run-image",
    title: "`run --image` of a pulled image, beside `run --rootfs` of its files",
    goal: { share: 1.3, of: "brun --rootfs" },
    prepare: (stand) => running(stand, "run-image"),
  },
  {
    key: "run-image-podman",
    title: "`run --image` of a pulled image, beside `podman run` of the same one",
    goal: { share: 0.05, of: "podman" },
    everyNth: 10,
    prepare: (stand) => {
      const jobs = running(stand, "run-image-podman");
      const path = Bun.which("podman");
      if (path !== null) {
        const name = "localhost/bench:1";
        stand.start(podman(stand, path, "import", "-q", `${stand.dir}/run-image-podman.tar`, name));
        const flags = ["--rm", "--network", "none", "--cgroups", "disabled"];
        jobs.set("podman", [timed(...podman(stand, path, "run", ...flags, name, "/bin/true"))]);
      }
      return jobs;
    },
  },
  {
    key: "image-unpack",
    title: `unpacking a layer of ${FILES.toLocaleString("en")} files from an OCI layout, page cache warm`,
    goal: { share: 1.0, of: "umoci raw unpack" },
    everyNth: 10,
    prepare: (stand) => {
      const path = layout(stand, "unpack-layout", { a: archives(stand, 1) });
      const jobs = new Map<string, Command[]>([
        [
          "brun",
          [
            cleanStore(stand, "unpack-store"),
            timed(...brun(stand, "unpack-store", "image", "pull", "-q", `oci:${path}:a`)),
          ],
        ],
      ]);
      const umoci = Bun.which("umoci");
      if (umoci !== null) {
        const to = `${stand.dir}/umoci`;
        const clean = untimed("/bin/sh", "-c", `chmod -R u+rwX ${to} 2>/dev/null; rm -rf ${to}`);
        const flags = ["--rootless", "--image", `${path}:a`, to];
        jobs.set("umoci raw unpack", [clean, timed(umoci, "--log", "error", "raw", "unpack", ...flags)]);
        jobs.set("umoci unpack", [clean, timed(umoci, "--log", "error", "unpack", ...flags)]);
      }
      const podmanPath = Bun.which("podman");
      if (podmanPath !== null) {
        const by = (...args: string[]) => podman(stand, podmanPath, ...args);
        const clean = untimed(...by("rmi", "--all", "--force"));
        // It makes a name of the path, which may have no capitals: from the directory that all runs in.
        jobs.set("podman pull", [clean, timed(...by("pull", "-q", "oci:unpack-layout:a"))]);
      }
      return jobs;
    },
  },
  {
    key: "image-pull",
    title: "pulling that layer from a registry on this machine, beside the same from files",
    goal: { share: 1.15, of: "brun, from files" },
    everyNth: 10,
    prepare: (stand) => {
      const path = layout(stand, "pull-layout", { a: archives(stand, 1) });
      const pull = (name: string) => [
        cleanStore(stand, "pull-store"),
        timed(...brun(stand, "pull-store", "image", "pull", "-q", name)),
      ];
      const jobs = new Map([["brun, from files", pull(`oci:${path}:a`)]]);
      const name = startRegistry(stand);
      if (name !== null) {
        stand.start(brun(stand, "push-store", "image", "pull", "-q", `oci:${path}:a`));
        stand.start(brun(stand, "push-store", "image", "push", "-q", `oci:${path}:a`, name));
        jobs.set("brun", pull(name));
      }
      return jobs;
    },
    finish: endRegistry,
  },
  {
    key: "image-layers",
    title: `unpacking ${LAYERS} layers from an OCI layout, beside one after the other`,
    goal: { share: 0.7, of: "one by one" },
    everyNth: 10,
    prepare: (stand) => {
      const parts = archives(stand, LAYERS);
      const single = Object.fromEntries(parts.map((part, i) => [`part-${i}`, [part]]));
      const path = layout(stand, "layers-layout", { all: parts, ...single });

      const pull = (store: string, tag: string) =>
        timed(...brun(stand, store, "image", "pull", "-q", `oci:${path}:${tag}`));
      return new Map([
        ["brun", [cleanStore(stand, "layers-store"), pull("layers-store", "all")]],
        [
          "one by one",
          [cleanStore(stand, "single-store"), ...parts.map((_, i) => pull("single-store", `part-${i}`))],
        ],
      ]);
    },
  },
];
