/**
 * A machine of which many things can change between two runs: the common part of changing-world.ts and
 * changing-home.ts.
 */
import { statSync } from "node:fs";
import { cachedPlans } from "./cached.ts";
import { isRoot } from "./caller.ts";
import type { Outcome, Sandbox } from "./sandbox.ts";

/** The parts that each run has. */
export interface Circumstances {
  /** Mount commands, which root executes in a private namespace. */
  readonly mounts: string[];
  /** Shell commands before the run, and redirections of it. */
  readonly shell: string[];
  readonly redirections: string[];
  readonly env: Record<string, string>;
}

/** One thing that can change. `be` gives it its nth value. */
export interface Dimension<Machine, Run extends Circumstances> {
  readonly name: string;
  readonly values: number;
  /** It needs root. */
  readonly root?: true;
  readonly be: (value: number, machine: Machine, now: Run) => void;
}

/** A thing that is unchanged at first. Each of `all` is a further value. */
export function oneOf<Machine, Run extends Circumstances, Value>(
  name: string,
  all: readonly Value[],
  be: (value: Value, now: Run, machine: Machine) => void,
): Dimension<Machine, Run> {
  return {
    name,
    values: all.length + 1,
    be(value, machine, now) {
      if (value > 0) be(all[value - 1]!, now, machine);
    },
  };
}

export const environment = <Machine>(
  name: string,
  ...values: (string | ((machine: Machine) => string))[]
): Dimension<Machine, Circumstances> =>
  oneOf(`$${name}`, values, (value, { env }, machine) => {
    env[name] = typeof value === "string" ? value : value(machine);
  });

export const shell = (name: string, ...commands: string[]): Dimension<unknown, Circumstances> =>
  oneOf(name, commands, (command, now) => now.shell.push(command));

/** The things that can be changed by this process. */
export const usable = <Machine, Run extends Circumstances>(
  all: readonly Dimension<Machine, Run>[],
): readonly Dimension<Machine, Run>[] => all.filter(({ root }) => isRoot || root !== true);

/** Words before a command that give it these mounts in a private namespace. */
export const withMounts = (mounts: readonly string[]): string[] => [
  ...["unshare", "--mount", "sh", "-c", `${mounts.join("\n")}\nexec "$@"`, "sh"],
];

/** The outcome of a run. `cached`: it has written no plan, so it has used a cached one. */
export interface Ran extends Pick<Outcome, "code" | "stdout" | "stderr"> {
  readonly cached: boolean;
}

export abstract class Changing<Machine, Run extends Circumstances> {
  private readonly values: number[];

  protected constructor(
    readonly box: Sandbox,
    private readonly things: readonly Dimension<Machine, Run>[],
  ) {
    this.values = things.map(() => 0);
  }

  /** Changes one thing. `value` counts from 0, and wraps around. Returns the new value in words. */
  change(which: number, value: number): string {
    const { name, values } = this.things[which]!;
    this.values[which] = value % values;
    return `${name}: ${this.values[which]}`;
  }

  /** The current value of a thing. */
  value(which: number): number {
    return this.values[which]!;
  }

  /** All things that have changed since the beginning, in words. */
  state(): string[] {
    return this.things.flatMap(({ name }, i) => (this.values[i] === 0 ? [] : [`${name}: ${this.values[i]}`]));
  }

  /** Applies the current values of all things to the machine and to a run. `machine` is this object. */
  protected become(machine: Machine, now: Run): void {
    for (const [i, { be }] of this.things.entries()) be(this.values[i]!, machine, now);
  }

  private planInodes(): number {
    return cachedPlans(this.box).reduce((sum, path) => sum + statSync(path).ino, 0);
  }

  /** Runs brun. Matches of `names` in its output differ in each run, so they are replaced. */
  protected start(
    argv: readonly string[],
    names: RegExp,
    { cwd, env }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
  ): Ran {
    const before = this.planInodes();
    const stdio = [new Blob(["input\n"]), "pipe", "pipe"] as const;
    const child = Bun.spawnSync([...argv], { cwd, env, stdio: [...stdio] });
    const general = (text: Buffer) =>
      text
        .toString()
        .replace(names, "NAME")
        .replace(/\/proc\/\d+\//g, "/proc/PID/");
    return {
      code: child.exitCode,
      stdout: general(child.stdout),
      stderr: general(child.stderr),
      cached: this.planInodes() === before,
    };
  }
}
