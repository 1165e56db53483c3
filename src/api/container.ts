/** Containers: making them, and what can be done with one that exists. */
import { randomUUID } from "node:crypto";
import { pid } from "node:process";
import type { Stats } from "../cgroup/stats.ts";
import type { ContainerState } from "../container/types.ts";
import { BrunError } from "../errors.ts";
import type { ImageEvent } from "../image/progress.ts";
import type { AuditReport } from "../sandbox/audit/report.ts";
import type { Resources } from "../spec/index.ts";
import { toJson } from "../spec/json.ts";
import { KeptChanges } from "./changes.ts";
import { Scratch } from "./files.ts";
import { pullWithCreds } from "./images.ts";
import { call } from "./invoke.ts";
import { type NetworkListeners, networkFlags } from "./network.ts";
import { checkArgs, checkWords, variables } from "./options.ts";
import {
  isRead,
  type Output,
  type OutputMode,
  type Process,
  type StdinMode,
  type StdioOptions,
  startProcess,
} from "./process.ts";
import { type CallOptions, type RuntimeOptions, runtimeOnly } from "./runtime.ts";
import { checkExecOptions } from "./settings.ts";
import {
  type ContainerSettings,
  type ContainerSource,
  type FromImage,
  type SandboxOptions,
  source,
} from "./spec.ts";
import { type Starting, starting } from "./starting.ts";
import { usage } from "./usage.ts";

/** The changes for {@link Container.updateNetwork}; entries are like those of `allowNet`. */
export interface NetworkChange {
  readonly allow?: string | readonly string[] | undefined;
  /** Entries to remove, written as they were given. */
  readonly deny?: string | readonly string[] | undefined;
  /** Names may lead to private addresses from now on. */
  readonly allowPrivate?: boolean | undefined;
}

/** Options of {@link Container.exec}; names as the flags of `brun exec`. */
export interface ExecOptions<
  In extends StdinMode = StdinMode,
  Out extends OutputMode = OutputMode,
  Err extends OutputMode = OutputMode,
> extends StdioOptions<In, Out, Err> {
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Who runs it: "user[:group]", ids, or names of the container. */
  readonly user?: string | number | undefined;
  /** Makes a terminal for it; stdout has its output. */
  readonly tty?: boolean | undefined;
  /** Capabilities to add: "CAP_NET_ADMIN". */
  readonly caps?: readonly string[] | undefined;
}

/**
 * A container that exists. `await using` deletes it at the end of the block, killing it if it runs.
 * All methods throw a BrunError with what brun said.
 */
export class Container implements AsyncDisposable {
  /** Running programs of {@link Container.exec}, and outputs that were asked for before their programs run. */
  private readonly further = new Set<{ settled(): Promise<unknown> }>();

  /** @internal See {@link run}, {@link create}, {@link Container.open} and {@link Container.list}. */
  constructor(
    readonly id: string,
    protected readonly options: RuntimeOptions,
  ) {}

  /** An existing container, whoever has made it. Throws a BrunError ERR_NOT_FOUND. */
  static async open(id: string, options: RuntimeOptions & CallOptions = {}): Promise<Container> {
    const container = new Container(id, runtimeOnly(options));
    await container.state(options);
    return container;
  }

  /** The states of all containers under the state directory. */
  static async list(options: RuntimeOptions & CallOptions = {}): Promise<ContainerState[]> {
    return JSON.parse(await call(options, ["list", "--format", "json"])) ?? [];
  }

  /** Its state: status, pid, bundle, annotations. */
  async state(options: CallOptions = {}): Promise<ContainerState> {
    return JSON.parse(await this.call(options, "state", this.id));
  }

  /** Starts the program of a created container. */
  async start(options: CallOptions = {}): Promise<void> {
    await this.call(options, "start", this.id);
  }

  /** Runs another program in it. Resolves when that program runs. */
  exec<In extends StdinMode = "ignore", Out extends OutputMode = "pipe", Err extends OutputMode = "pipe">(
    args: readonly string[],
    options: ExecOptions<In, Out, Err> = {},
  ): Starting<Process<In, Out, Err>> {
    return starting(this.startExec(args, options), (output) => this.watch({ settled: () => output }, output));
  }

  /**
   * Sends a signal to its first process.
   * @param options all: to all of its processes
   */
  async kill(
    signal: NodeJS.Signals | number = "SIGTERM",
    options: { readonly all?: boolean } & CallOptions = {},
  ): Promise<void> {
    await this.call(options, "kill", ...(options.all ? ["--all"] : []), this.id, `${signal}`);
  }

  /** Freezes its processes. */
  async pause(options: CallOptions = {}): Promise<void> {
    await this.call(options, "pause", this.id);
  }

  /** Thaws them. */
  async resume(options: CallOptions = {}): Promise<void> {
    await this.call(options, "resume", this.id);
  }

  /** Changes its limits; limits that are not given stay the same. */
  async update(resources: Resources, options: CallOptions = {}): Promise<void> {
    const stdin = toJson(resources);
    await call({ ...this.options, ...options }, ["update", "--resources", "-", this.id], { stdin });
  }

  /**
   * Changes the names that a container with `allowNet` reaches: all that is asked for, or nothing. Connections that are no longer
   * allowed are closed.
   */
  async updateNetwork(change: NetworkChange, options: CallOptions = {}): Promise<void> {
    const entries = (flag: string, hosts: NetworkChange["allow"]) => {
      const list = typeof hosts === "string" ? [hosts] : (hosts ?? []);
      checkWords(flag, list);
      return list.map((host) => `--${flag}-net=${host}`);
    };
    const isPrivate = change.allowPrivate ? ["--allow-net-private"] : [];
    const flags = [...entries("allow", change.allow), ...entries("deny", change.deny), ...isPrivate];
    if (flags.length > 0) await this.call(options, "update", ...flags, this.id);
  }

  /** Its use of resources, as its cgroup counts it. */
  async stats(options: CallOptions = {}): Promise<Stats> {
    return JSON.parse(await this.call(options, "events", "--stats", this.id)).data;
  }

  /** Pids of its processes, as this program sees them. */
  async processes(options: CallOptions = {}): Promise<number[]> {
    return JSON.parse(await this.call(options, "ps", "--format", "json", this.id)) ?? [];
  }

  /**
   * Deletes it and all that belongs to it.
   * @param options force: kill it first if it runs; no error if it does not exist
   */
  async delete(options: { readonly force?: boolean } & CallOptions = {}): Promise<void> {
    await this.call(options, "delete", ...(options.force ? ["--force"] : []), this.id);
  }

  /**
   * Kills and deletes it. If the output of a program of {@link Container.exec} has been asked for, it waits for that first, so
   * that `return container.exec(args).output()` at the end of the block gets the whole output.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.further].map((one) => one.settled()));
    await this.delete({ force: true });
  }

  private async startExec<In extends StdinMode, Out extends OutputMode, Err extends OutputMode>(
    args: readonly string[],
    options: ExecOptions<In, Out, Err>,
  ): Promise<Process<In, Out, Err>> {
    checkArgs(args);
    checkExecOptions(options);
    const flags = [
      ...(options.cwd === undefined ? [] : ["--cwd", options.cwd]),
      ...variables("env", options.env ?? {}).flatMap((variable) => ["--env", variable]),
      ...(options.user === undefined ? [] : ["--user", `${options.user}`]),
      ...(options.tty ? ["--tty"] : []),
      ...(options.caps ?? []).flatMap((cap) => ["--cap", cap]),
    ];
    const all = { ...options, ...this.options };
    const process = await startProcess(all, ["exec", ...flags, this.id, ...args]);
    this.watch(process, process.wait());
    return process;
  }

  private watch(one: { settled(): Promise<unknown> }, end: Promise<unknown>): void {
    this.further.add(one);
    const over = () => this.further.delete(one);
    end.then(over, over);
  }

  private call({ signal }: CallOptions, ...args: string[]): Promise<string> {
    return call({ ...this.options, signal }, args);
  }
}

/** A container that this program has made, with its streams and its end. */
export class OwnContainer<
  In extends StdinMode = StdinMode,
  Out extends OutputMode = OutputMode,
  Err extends OutputMode = OutputMode,
> extends Container {
  private started: boolean;

  /** @internal See {@link run} and {@link create}. */
  constructor(
    id: string,
    options: RuntimeOptions,
    /** Its first process. */
    readonly process: Process<In, Out, Err>,
    started: boolean,
    private readonly keep: string | undefined,
    private readonly report: Promise<string> | undefined,
  ) {
    super(id, options);
    this.started = started;
  }

  /** For writing to the program; null unless the option `stdin` is "pipe". */
  get stdin(): Process<In, Out, Err>["stdin"] {
    return this.process.stdin;
  }

  /** What the program writes to stdout; null unless the option `stdout` is "pipe". */
  get stdout(): Process<In, Out, Err>["stdout"] {
    return this.process.stdout;
  }

  /** What the program writes to stderr; null unless the option `stderr` is "pipe". */
  get stderr(): Process<In, Out, Err>["stderr"] {
    return this.process.stderr;
  }

  /** {@link Container.start} */
  override async start(options: CallOptions = {}): Promise<void> {
    await super.start(options);
    this.started = true;
  }

  /**
   * The changes that it has made, with the option `keep`, even when it has ended.
   * @throws BrunError ERR_USAGE without that option
   */
  get changes(): KeptChanges {
    if (this.keep !== undefined) return new KeptChanges(this.keep, this.options);
    throw usage("its changes are thrown away at the end", "keep: NAME keeps them", "keep");
  }

  /**
   * The report of the option `audit`, when the program has ended, also by an abort.
   * @throws BrunError ERR_USAGE without that option; ERR_STATE if brun was killed before it could report
   */
  async audit(): Promise<AuditReport> {
    if (this.report === undefined) throw usage("no report was asked for", "audit: true", "audit");
    const text = await this.report;
    if (text !== "") return JSON.parse(text);
    throw new BrunError("there is no report: brun ended before the program", { code: "ERR_STATE" });
  }

  /**
   * {@link Process.wait} of its first process. In a block with `await using` write `return await container.wait()`, since the
   * container is killed at the end of the block.
   */
  wait(): Promise<number> {
    return this.process.wait();
  }

  /** {@link Process.output} of its first process. */
  output(): Promise<Output> {
    return this.process.output();
  }

  /**
   * Kills and deletes it, and waits for its end. If {@link OwnContainer.output} has been called, it waits for that first, so
   * that `return container.output()` at the end of the block gets the whole output.
   */
  override async [Symbol.asyncDispose](): Promise<void> {
    if (this.started) await this.process.settled();
    await super[Symbol.asyncDispose]();
    this.process.discard();
    await this.process.wait().catch(() => {});
  }
}

async function make<In extends StdinMode, Out extends OutputMode, Err extends OutputMode>(
  options: ContainerSource & ContainerSettings & StdioOptions<In, Out, Err>,
  mode: "run" | "create",
): Promise<OwnContainer<In, Out, Err>> {
  const logsIn = (options as FromImage).creds !== undefined && options.pull !== "never";
  const { flags, program, sandbox, config } = source(
    logsIn ? ({ ...options, pull: "missing" } as typeof options) : options,
  );
  if (logsIn) await pullWithCreds(options as FromImage);
  const id = options.id ?? `api-${randomUUID()}`;
  const { audit, allowNet } = options as Pick<SandboxOptions, "audit" | "allowNet">;
  const network = sandbox ? networkFlags(options as NetworkListeners, allowNet) : [];
  const report = sandbox && audit ? new Scratch("") : undefined;
  const args = [
    "run",
    ...(mode === "create" ? ["--await-start", ...(sandbox ? [] : ["--keep"])] : []),
    ...(sandbox && isRead(options) ? ["--interactive"] : []),
    ...(sandbox && options.dieWithParent === false ? ["--no-die-with-parent"] : []),
    ...[...flags, ...network],
    // The file has no name, so brun opens it by the descriptor of this program.
    ...(report === undefined ? [] : [`--audit-to=/proc/${pid}/fd/${report.fd}`]),
    ...(sandbox ? [`--name=${id}`] : [id]),
    ...program,
  ];
  const { onProgress } = options as { onProgress?: (event: ImageEvent) => void };
  const hears = { onProgress, network: network.length === 0 ? undefined : (options as NetworkListeners) };
  let process: Process<In, Out, Err>;
  try {
    process = await startProcess(options, args, config, hears);
  } catch (error) {
    report?.close();
    throw error;
  }
  const { keep } = options as { keep?: string };
  const told = report && Promise.allSettled([process.wait()]).then(() => textOf(report));
  return new OwnContainer(id, runtimeOnly(options), process, mode === "run", keep, told);
}

function textOf(report: Scratch): string {
  const text = report.text();
  report.close();
  return text;
}

/**
 * Runs a container. Resolves when its program runs. The container is deleted when the program ends.
 * `await run(options).output()` waits for the end.
 * @throws BrunError the error of `brun run`; nothing is left behind
 */
export function run<
  In extends StdinMode = "ignore",
  Out extends OutputMode = "pipe",
  Err extends OutputMode = "pipe",
>(
  options: ContainerSource & ContainerSettings & StdioOptions<In, Out, Err>,
): Starting<OwnContainer<In, Out, Err>> {
  return starting(make(options, "run"));
}

/**
 * Creates a container, which waits for {@link Container.start} and stays until it is deleted.
 * @throws BrunError the error of `brun create`; nothing is left behind
 */
export function create<
  In extends StdinMode = "ignore",
  Out extends OutputMode = "pipe",
  Err extends OutputMode = "pipe",
>(
  options: ContainerSource & ContainerSettings & StdioOptions<In, Out, Err>,
): Promise<OwnContainer<In, Out, Err>> {
  return make(options, "create");
}
