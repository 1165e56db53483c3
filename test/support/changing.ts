/** A machine of which anything may change between two runs: what changing-world.ts and changing-home.ts have in common. */
import { statSync } from "node:fs";
import { cachedPlans } from "./cached.ts";
import { isRoot } from "./caller.ts";
import type { Outcome, Sandbox } from "./sandbox.ts";

/** What a run is made of, whatever it runs. */
export interface Circumstances {
  /** Mounts made by root in a namespace of their own. */
  readonly mounts: string[];
  /** Shell commands before it, and redirections of it. */
  readonly shell: string[];
  readonly redirections: string[];
  readonly env: Record<string, string>;
}

/** One thing that may change: to its nth value. */
export interface Dimension<Machine, Run extends Circumstances> {
  readonly name: string;
  readonly values: number;
  /** It takes root. */
  readonly root?: true;
  readonly be: (value: number, machine: Machine, now: Run) => void;
}

/** A thing that is left alone at first; each of `all` is another value of it. */
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

/** Those of the things that can be changed here. */
export const usable = <Machine, Run extends Circumstances>(
  all: readonly Dimension<Machine, Run>[],
): readonly Dimension<Machine, Run>[] => all.filter(({ root }) => isRoot || root !== true);

/** Words before a command that has these mounts, which others do not see. */
export const withMounts = (mounts: readonly string[]): string[] => [
  ...["unshare", "--mount", "sh", "-c", `${mounts.join("\n")}\nexec "$@"`, "sh"],
];

/** How a run ended, and whether it has left another plan behind. */
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

  /** Changes one thing; `value` counts from 0, and wraps. Returns what it is now. */
  change(which: number, value: number): string {
    const { name, values } = this.things[which]!;
    this.values[which] = value % values;
    return `${name}: ${this.values[which]}`;
  }

  /** What a thing is now. */
  value(which: number): number {
    return this.values[which]!;
  }

  /** All that is not as it was at the beginning. */
  state(): string[] {
    return this.things.flatMap(({ name }, i) => (this.values[i] === 0 ? [] : [`${name}: ${this.values[i]}`]));
  }

  /** Makes all things of the machine, which is this one, and of a run what they are now. */
  protected become(machine: Machine, now: Run): void {
    for (const [i, { be }] of this.things.entries()) be(this.values[i]!, machine, now);
  }

  private planInodes(): number {
    return cachedPlans(this.box).reduce((sum, path) => sum + statSync(path).ino, 0);
  }

  /** Runs brun. What `names` matches of its output is another name in each run. */
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
