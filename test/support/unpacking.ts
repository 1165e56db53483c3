/** Runs brun's process that unpacks, and other programs with the same ids as the caller's containers. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { Answer, Request } from "../../src/image/unpack/child.ts";
import { type Caller, callerEnv, ownedDir } from "./caller.ts";
import { brunPath, workspace } from "./workspace.ts";

const TREES = new URL("../image/trees.py", import.meta.url).pathname;

/** The outcome of a program. */
interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A directory of the caller with trees.py. Programs in it run with all ids of the caller: as root, or as root
 * of its user namespace.
 */
export class Unpacking implements Disposable {
  readonly dir: string;
  readonly brun = brunPath();
  private readonly prefix: readonly string[];

  constructor(private readonly caller: Caller) {
    this.dir = ownedDir(caller, mkdtempSync(`${workspace()}/unpacking-`));
    // The caller may not be able to read the checkout.
    copyFileSync(TREES, `${this.dir}/trees.py`);
    this.prefix = caller.uid === 0 ? [] : [...caller.prefix, brunPath(), "unshare", "--"];
  }

  /** Runs a program. Returns its output and exit code. */
  try(argv: readonly string[], stdin?: string): Said {
    const { exitCode, stdout, stderr } = Bun.spawnSync([...this.prefix, ...argv], {
      cwd: this.dir,
      env: callerEnv(this.caller, this.dir),
      stdin: stdin === undefined ? "ignore" : Bun.file(stdin),
      stderr: "pipe",
    });
    return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  /** Runs a program, which has to succeed. Returns its output. */
  run(...argv: string[]): string {
    const { code, stdout, stderr } = this.try(argv);
    if (code !== 0) throw new Error(`${argv.join(" ")} exited with ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  /**
   * Unpacks an archive into a new directory.
   * @param name of the directory
   * @returns the directory of the files, or brun's message
   */
  unpack(archive: string, name: string): { readonly root: string } | { readonly failure: string } {
    const store = ownedDir(this.caller, `${this.dir}/${name}`);
    ownedDir(this.caller, `${store}/partial`);
    const { stdout, stderr } = this.try(unpackingCommand(store, readFileSync(archive).length), archive);
    if (stderr !== "") return { failure: stderr };
    const last = lastAnswer(stdout);
    return "failure" in last ? { failure: last.failure.message } : { root: `${store}/partial/root` };
  }

  /** Unpacks archives as layers of a store, and merges them into a root. Returns the root's path. */
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
    // Files of subordinate ids can only be removed in the user namespace.
    this.try(["rm", "-rf", this.dir]);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

function lastAnswer(stdout: string): Answer {
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "{}") as Answer;
}

/**
 * The command line that unpacks its stdin into STORE/PLACE/root.
 * @param size of the archive in bytes, or a placeholder
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
