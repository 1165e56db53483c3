/** Containers: making them, and what can be done with one that exists. */
import type { Stats } from "../cgroup/stats.ts";
import type { ContainerState } from "../container/types.ts";
import type { Resources } from "../spec/index.ts";
import { toJson } from "../spec/json.ts";
import { call } from "./invoke.ts";
import { Process, type StdioOptions } from "./process.ts";
import { type RuntimeOptions, runtimeOnly } from "./runtime.ts";
import { type ContainerOptions, source } from "./spec.ts";

/** Options of {@link Container.exec}; names as the flags of `brun exec`. */
export interface ExecOptions extends StdioOptions {
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** "uid[:gid]" */
  readonly user?: string | undefined;
  /** Give it a terminal of its own, whose output comes by stdout. */
  readonly tty?: boolean | undefined;
  /** Capabilities to add: "CAP_NET_ADMIN". */
  readonly caps?: readonly string[] | undefined;
}

/**
 * A container that exists. `await using` deletes it at the end of the block, killing it if it runs.
 * All methods throw a BrunError with what brun said.
 */
export class Container implements AsyncDisposable {
  /** @internal See {@link run}, {@link create}, {@link Container.open} and {@link Container.list}. */
  constructor(
    readonly id: string,
    protected readonly options: RuntimeOptions,
  ) {}

  /** A container that someone else has made. Throws a BrunError ERR_NOT_FOUND. */
  static async open(id: string, options: RuntimeOptions = {}): Promise<Container> {
    const container = new Container(id, options);
    await container.state();
    return container;
  }

  /** The states of all containers under the state directory. */
  static async list(options: RuntimeOptions = {}): Promise<ContainerState[]> {
    return JSON.parse(await call(options, ["list", "--format", "json"])) ?? [];
  }

  /** Its state: status, pid, bundle, annotations. */
  async state(): Promise<ContainerState> {
    return JSON.parse(await this.call("state", this.id));
  }

  /** Starts the program of a created container. */
  async start(): Promise<void> {
    await this.call("start", this.id);
  }

  /** Runs a further program in it. Resolves when that runs. */
  async exec(args: readonly string[], options: ExecOptions = {}): Promise<Process> {
    const flags = [
      ...(options.cwd === undefined ? [] : ["--cwd", options.cwd]),
      ...Object.entries(options.env ?? {}).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
      ...(options.user === undefined ? [] : ["--user", options.user]),
      ...(options.tty ? ["--tty"] : []),
      ...(options.caps ?? []).flatMap((cap) => ["--cap", cap]),
    ];
    const process = new Process({ ...this.options, ...options }, ["exec", ...flags, this.id, ...args]);
    return await process.untilReady();
  }

  /**
   * Sends a signal to its first process.
   * @param options all: to all of its processes
   */
  async kill(
    signal: NodeJS.Signals | number = "SIGTERM",
    options: { readonly all?: boolean } = {},
  ): Promise<void> {
    await this.call("kill", ...(options.all ? ["--all"] : []), this.id, `${signal}`);
  }

  /** Freezes its processes. */
  async pause(): Promise<void> {
    await this.call("pause", this.id);
  }

  /** Thaws them. */
  async resume(): Promise<void> {
    await this.call("resume", this.id);
  }

  /** Changes its limits; what is not named stays as it is. */
  async update(resources: Resources): Promise<void> {
    const stdin = new Blob([toJson(resources)]);
    await call(this.options, ["update", "--resources", "-", this.id], { stdin });
  }

  /** What it uses, as its cgroup counts. */
  async stats(): Promise<Stats> {
    return JSON.parse(await this.call("events", "--stats", this.id)).data;
  }

  /** Ids of its processes, as this program sees them. */
  async processes(): Promise<number[]> {
    return JSON.parse(await this.call("ps", "--format", "json", this.id)) ?? [];
  }

  /**
   * Deletes it and all that belongs to it.
   * @param options force: kill it first if it runs; no error if it does not exist
   */
  async delete(options: { readonly force?: boolean } = {}): Promise<void> {
    await this.call("delete", ...(options.force ? ["--force"] : []), this.id);
  }

  /** Kills and deletes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.delete({ force: true });
  }

  private call(...args: string[]): Promise<string> {
    return call(this.options, args);
  }
}

/** The first process of a container. When it is to be killed, the container is deleted. */
class FirstProcess extends Process {
  constructor(
    private readonly container: Container,
    options: ContainerOptions,
    args: readonly string[],
    config: string | undefined,
  ) {
    super(options, args, config);
  }

  protected override abort(): void {
    super.abort();
    this.container.delete({ force: true }).catch(() => {});
  }
}

/** A container that this program has made: it has its streams and hears of its end. */
export class OwnContainer extends Container {
  /** Its first process. */
  readonly process: Process;

  /** @internal See {@link run} and {@link create}. */
  constructor(options: ContainerOptions, flags: readonly string[]) {
    const id = options.id ?? `api-${crypto.randomUUID()}`;
    super(id, runtimeOnly(options));
    const { flags: from, config } = source(options);
    this.process = new FirstProcess(this, options, ["run", ...flags, ...from, id], config);
  }

  /** For writing to the program; null unless the option `stdin` is "pipe". */
  get stdin(): Process["stdin"] {
    return this.process.stdin;
  }

  /** What the program writes; null unless the option `stdout` is "pipe". */
  get stdout(): Process["stdout"] {
    return this.process.stdout;
  }

  /** What the program writes as errors; null unless the option `stderr` is "pipe". */
  get stderr(): Process["stderr"] {
    return this.process.stderr;
  }

  /** {@link Process.wait} of its first process. */
  wait(): ReturnType<Process["wait"]> {
    return this.process.wait();
  }

  /** {@link Process.output} of its first process. */
  output(): ReturnType<Process["output"]> {
    return this.process.output();
  }

  /** Kills and deletes it, and waits for its end. */
  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    this.process.discard();
    await this.process.wait().catch(() => {});
  }
}

/**
 * Runs a container. Resolves when its program runs; the container is deleted when that ends.
 * @throws BrunError what `brun run` would say; nothing is left then
 */
export async function run(options: ContainerOptions): Promise<OwnContainer> {
  const container = new OwnContainer(options, []);
  await container.process.untilReady();
  return container;
}

/**
 * Creates a container, which waits for {@link Container.start} and stays until it is deleted.
 * @throws BrunError what `brun create` would say; nothing is left then
 */
export async function create(options: ContainerOptions): Promise<OwnContainer> {
  const container = new OwnContainer(options, ["--await-start", "--keep"]);
  await container.process.untilReady();
  return container;
}
