/** The changes that runs with the option `keep` have made: to list, apply or discard them. */
import { call } from "./invoke.ts";
import { checkWords } from "./options.ts";
import { type CallOptions, type RuntimeOptions, runtimeOnly } from "./runtime.ts";
import { usage } from "./usage.ts";

/** A file, directory or other entry at a path. */
export interface ChangedEntry {
  readonly type: "file" | "directory" | "link" | "fifo" | "socket" | "device";
  /** In octal, without the type: "644". */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  /** In bytes. */
  readonly size: number;
}

/** A path that has changed. A different time alone does not count. */
export interface Change {
  /** Absolute, as the program saw it. */
  readonly path: string;
  readonly kind: "added" | "changed" | "deleted";
  /** What has changed; only for "changed". */
  readonly differs?: readonly ("type" | "content" | "target" | "mode" | "owner")[];
  /** The entry on the host; null if it was added. */
  readonly was: ChangedEntry | null;
  /** The entry as the program has left it; null if it was deleted. */
  readonly is: ChangedEntry | null;
}

/** The result of applying a change. */
export interface AppliedChange extends Change {
  /** Why it was left out; null if it was applied. */
  readonly left: {
    readonly why: string;
    /** It has changed on the host since the program saw it; `force` applies it nevertheless. */
    readonly conflict: boolean;
  } | null;
}

/** Which changes; by default all. */
export interface ChangesOptions extends CallOptions {
  /** Only changes at or below these paths. Relative paths start at the current directory. */
  readonly paths?: readonly string[] | undefined;
}

/**
 * The changes that are kept by a name (`run({ keep })`). They stay until they are discarded.
 * All methods throw a BrunError with what brun said: ERR_NOT_FOUND when nothing is kept by that name.
 */
export class KeptChanges {
  /** @internal See {@link keptChanges} and {@link OwnContainer.changes}. */
  constructor(
    readonly name: string,
    private readonly options: RuntimeOptions,
  ) {}

  /** The changes, a directory before its entries. */
  async diff(options: ChangesOptions = {}): Promise<Change[]> {
    return JSON.parse(await this.call(options, ["diff", "--format", "json", this.name]));
  }

  /** The same as a patch that `git apply` takes. */
  async patch(options: ChangesOptions = {}): Promise<string> {
    return await this.call(options, ["diff", "--patch", this.name]);
  }

  /**
   * Applies changes to the host. Each file is replaced atomically. A file that has changed on the host since the program saw it
   * is left out, and the result says so.
   * @param options force: also apply changes to such files
   */
  async apply(
    options: ChangesOptions & { readonly force?: boolean | undefined } = {},
  ): Promise<AppliedChange[]> {
    const flags = ["--yes", "--format", "json", ...(options.force ? ["--force"] : [])];
    return JSON.parse(await this.call(options, ["apply", ...flags, this.name], 1));
  }

  /** Discards all of them. */
  async discard(options: CallOptions = {}): Promise<void> {
    await this.call(options, ["discard", this.name]);
  }

  private call({ signal, paths = [] }: ChangesOptions, args: string[], accept = 0): Promise<string> {
    checkWords("paths", paths);
    // A path may begin with a dash.
    const words = paths.map((path) => (path.startsWith("-") ? `./${path}` : path));
    return call({ ...this.options, signal }, [...args, ...words], { accept });
  }
}

/** The changes that are kept by a name, also those of an earlier program. */
export function keptChanges(name: string, options: RuntimeOptions = {}): KeptChanges {
  if (typeof name === "string" && name !== "") return new KeptChanges(name, runtimeOnly(options));
  throw usage("name: expected the name that the option keep had", undefined, "name");
}
