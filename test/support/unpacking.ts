/** Unpacking as brun's own process does it, beside other programs, with the ids that the caller's containers have. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { Answer, Request } from "../../src/image/unpack/child.ts";
import { type Caller, callerEnv, ownedDir } from "./caller.ts";
import { brunPath, workspace } from "./workspace.ts";

const TREES = new URL("../image/trees.py", import.meta.url).pathname;

/** What a program said. */
interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A directory of the caller's with trees.py, and programs in it that have all of its ids: root, or its user namespace's root. */
export class Unpacking implements Disposable {
  readonly dir: string;
  readonly brun = brunPath();
  private readonly prefix: readonly string[];

  constructor(private readonly caller: Caller) {
    this.dir = ownedDir(caller, mkdtempSync(`${workspace()}/unpacking-`));
    // The checkout may be where the caller cannot read it.
    copyFileSync(TREES, `${this.dir}/trees.py`);
    this.prefix = caller.uid === 0 ? [] : [...caller.prefix, brunPath(), "unshare", "--"];
  }

  /** A program's output, whatever its end. */
  try(argv: readonly string[], stdin?: string): Said {
    const { exitCode, stdout, stderr } = Bun.spawnSync([...this.prefix, ...argv], {
      cwd: this.dir,
      env: callerEnv(this.caller, this.dir),
      stdin: stdin === undefined ? "ignore" : Bun.file(stdin),
      stderr: "pipe",
    });
    return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  /** The output of a program that has to succeed. */
  run(...argv: string[]): string {
    const { code, stdout, stderr } = this.try(argv);
    if (code !== 0) throw new Error(`${argv.join(" ")} exited with ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  /**
   * Unpacks an archive into a new directory of the name.
   * @returns where the files are; or what brun said
   */
  unpack(archive: string, name: string): { readonly root: string } | { readonly failure: string } {
    const store = ownedDir(this.caller, `${this.dir}/${name}`);
    ownedDir(this.caller, `${store}/partial`);
    const { stdout, stderr } = this.try(unpackingCommand(store, readFileSync(archive).length), archive);
    if (stderr !== "") return { failure: stderr };
    const last = lastAnswer(stdout);
    return "failure" in last ? { failure: last.failure.message } : { root: `${store}/partial/root` };
  }

  /** Unpacks an archive into a directory of a store, and merges such layers into a root. Returns where that is. */
  unpackAll(archives: readonly string[]): string {
    const store = ownedDir(this.caller, `${this.dir}/store`);
    const layers = archives.map((archive, i) => {
      ownedDir(this.caller, `${store}/${i}`);
      const said = this.try(unpackingCommand(store, readFileSync(archive).length, `${i}`), archive);
      const last = lastAnswer(said.stdout);
      if (!("layer" in last)) throw new Error(`${archive}: ${said.stdout}${said.stderr}`);
      return { directory: `${i}/root`, data: last.layer.data };
    });
    const request: Request = { do: "view", directory: "view", layers };
    const last = lastAnswer(this.run(this.brun, "image-unpack", store, JSON.stringify(request)));
    if (!("done" in last)) throw new Error(JSON.stringify(last));
    return `${store}/view`;
  }

  [Symbol.dispose](): void {
    // Files of subordinate ids are removed by who may.
    this.try(["rm", "-rf", this.dir]);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function lastAnswer(stdout: string): Answer {
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "{}") as Answer;
}

/**
 * What unpacks its stdin into STORE/PLACE/root.
 * @param size of the archive in bytes, or a word that stands for it
 */
export function unpackingCommand(store: string, size: number | string, place = "partial"): string[] {
  const digest = `sha256:${"0".repeat(64)}`;
  const room = { bytes: 1e12, inodes: 1e9 };
  const request = {
    do: "unpack",
    place,
    size,
    digest,
    diffId: digest,
    room,
  };
  return [brunPath(), "image-unpack", store, JSON.stringify(request).replace(`"${size}"`, `${size}`)];
}
