/** Support for integration tests of images: a store, a registry, and images. */
import { expect } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { imageOf, type TestImage } from "../../src/image/testing/image.ts";
import type { TestEntry } from "../../src/image/testing/tar.ts";
import { ownedDir } from "./caller.ts";
import { type Faults, TestRegistry } from "./registry.ts";
import { makeRootfs } from "./rootfs.ts";
import type { Subject } from "./runtime.ts";
import { type CallOptions, type Outcome, Sandbox } from "./sandbox.ts";

/** What containers of images run. With all 400 commands of busybox, unpacking is most of what the tests do. */
const COMMANDS = (
  "[ awk basename cat chmod chown cp cut date dd df diff dirname du echo env expr false find free grep head hostname " +
  "id ip kill ln ls md5sum mkdir mkfifo mknod mktemp mount mv nc od printf ps pwd readlink realpath rm rmdir sed seq " +
  "setsid sh sha256sum sleep sort stat stty su sync tail tar tee test timeout touch tr true tty umount uname uniq unshare " +
  "usleep vi wc wget which whoami xargs yes"
).split(" ");

/** A layer with busybox. */
let programs: Uint8Array | undefined;
export function programLayer(box: Sandbox): Uint8Array {
  if (programs === undefined) {
    const root = makeRootfs(`${box.dir}/programs`, { uid: 0, gid: 0 });
    for (const name of readdirSync(`${root}/bin`)) {
      if (name !== "busybox" && !COMMANDS.includes(name)) rmSync(`${root}/bin/${name}`);
    }
    programs = Bun.spawnSync(["tar", "-C", root, "--owner=0", "--group=0", "-cf", "-", "."]).stdout;
  }
  return programs;
}

const FILES: readonly TestEntry[] = [
  { path: "etc", type: "5", mode: 0o755 },
  { path: "etc/motd", data: "first\n" },
  { path: "srv/", type: "5", mode: 0o700, uid: 33, gid: 33 },
  { path: "srv/of-www", data: "data", uid: 33, gid: 33, mode: 0o640 },
  { path: "opt/gone", data: "x" },
  { path: "opt/all/one", data: "1" },
  { path: "opt/all/two", data: "2" },
  { path: "opt/name", data: "one inode" },
  { path: "opt/other-name", type: "1", link: "opt/name" },
];

const CHANGES: readonly TestEntry[] = [
  { path: "etc/motd", data: "second\n" },
  { path: "opt/.wh.gone" },
  { path: "opt/all/.wh..wh..opq" },
  { path: "opt/all/three", data: "3" },
  { path: "opt/of-lower", type: "1", link: "opt/name" },
];

/** A sandbox with a separate image store, which is removed at the end. */
export class Images implements AsyncDisposable {
  private constructor(
    readonly box: Sandbox,
    readonly data: string,
    readonly registry: TestRegistry,
  ) {}

  /** The directory of the images. */
  get store(): string {
    return `${this.data}/.local/share/brun/images`;
  }

  static make(subject: Subject, faults: Faults = {}): Images {
    const box = new Sandbox(subject);
    return new Images(box, ownedDir(subject.caller, `${box.dir}/data`), new TestRegistry(faults));
  }

  image(options: Parameters<typeof imageOf>[1] = {}): TestImage {
    return imageOf([programLayer(this.box), FILES, CHANGES], options);
  }

  call(args: readonly string[], options: CallOptions = {}): Promise<Outcome> {
    const env = { HOME: this.data, ...options.env };
    return this.box.call(args, { ...options, env });
  }

  async ok(args: readonly string[], options: CallOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.call(args, options);
    expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.registry[Symbol.dispose]();
    // Files of subordinate ids can only be removed in the user namespace.
    await this.box.call(["unshare", "--", "rm", "-rf", this.data], { timeoutMs: 300_000 });
    await this.box[Symbol.asyncDispose]();
  }
}

/** Arguments that run a shell script in an image. */
export const run = (name: string, script: string, ...flags: string[]): string[] => [
  "run",
  "--image",
  name,
  ...flags,
  "--",
  "sh",
  "-c",
  script,
];
