/** What runs with the option `keep` have changed: looked at, taken over, or thrown away. */
import { BrunError } from "../errors.ts";
import { call } from "./invoke.ts";
import { checkWords } from "./options.ts";
import { type CallOptions, type RuntimeOptions, runtimeOnly } from "./runtime.ts";

/** What a path is. */
export interface ChangedEntry {
  readonly type: "file" | "directory" | "link" | "fifo" | "socket" | "device";
  /** In octal, without the type: "644". */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  /** In bytes. */
  readonly size: number;
}

/** One path that is not as it was. A time alone is no change. */
export interface Change {
  /** Absolute, as the program saw it. */
  readonly path: string;
  readonly kind: "added" | "changed" | "deleted";
  /** For "changed" alone. */
  readonly differs?: readonly ("type" | "content" | "target" | "mode" | "owner")[];
  /** As it is here; null for what is added. */
  readonly was: ChangedEntry | null;
  /** As the program has left it; null for what is deleted. */
  readonly is: ChangedEntry | null;
}

/** What became of a change. */
export interface AppliedChange extends Change {
  /** Why it was left out; null when it was taken over. */
  readonly left: {
    readonly why: string;
    /** It has changed here since the program saw it: `force` takes it over all the same. */
    readonly conflict: boolean;
  } | null;
}

/** Which changes; all. */
export interface ChangesOptions extends CallOptions {
  /** Only what is at these paths, or below. Relative ones are of the current directory. */
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

  /** What has been changed, a directory before what is in it. */
  async diff(options: ChangesOptions = {}): Promise<Change[]> {
    return JSON.parse(await this.call(options, ["diff", "--format", "json", this.name]));
  }

  /** The same as a patch that `git apply` takes. */
  async patch(options: ChangesOptions = {}): Promise<string> {
    return await this.call(options, ["diff", "--patch", this.name]);
  }

  /**
   * Takes changes over. Each file is the old or the new one at any moment; what has changed here since the program saw it
   * is left out, and told.
   * @param options force: also over what has changed here
   */
  async apply(
    options: ChangesOptions & { readonly force?: boolean | undefined } = {},
  ): Promise<AppliedChange[]> {
    const flags = ["--yes", "--format", "json", ...(options.force ? ["--force"] : [])];
    return JSON.parse(await this.call(options, ["apply", ...flags, this.name], 1));
  }

  /** Throws all of them away. */
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

/** What is kept by a name, also by an earlier program. */
export function keptChanges(name: string, options: RuntimeOptions = {}): KeptChanges {
  if (typeof name === "string" && name !== "") return new KeptChanges(name, runtimeOnly(options));
  throw new BrunError("name: expected the name that the option keep had", {
    code: "ERR_USAGE",
    where: "name",
  });
}
