/**
 * A tool for an agent: it runs commands on a copy of this machine, in a directory, without secrets. What they change is kept,
 * shown, and taken over only where this program agrees. They reach names that somebody has agreed to. Speaks JSON lines on
 * stdin and stdout:
 *   {"run": ["make", "test"]}   → {"exitCode": 0, "stdout": "…", "stderr": "…", "changed": ["src/a.ts"], "programs": 3}
 *                   meanwhile   → {"network": {"verdict": "allowed", "name": "example.org", "port": 443, …}}
 *                               → {"mayReach": "example.org"}, which waits for the next
 *   {"reach": "example.org", "allow": true}, also before it is asked
 *   {"patch": true}             → {"patch": "diff --git …"}
 *   {"apply": true}             → {"applied": ["src/a.ts"], "refused": ["Makefile: …"]}
 *   {"discard": true}           → {}
 *   usage: bun examples/api/agent-tool.ts DIRECTORY
 */
import { randomUUID } from "node:crypto";
import { relative } from "node:path";
import { createInterface } from "node:readline";
import { AbortError, BrunError, type Change, keptChanges, run } from "brun";

interface Request {
  readonly reach?: string;
  readonly allow?: boolean;
  readonly run?: readonly string[];
  readonly patch?: boolean;
  readonly apply?: boolean;
  readonly discard?: boolean;
}

/** What later runs code on this machine is taken over by a person alone. */
const BY_HAND = /(^|\/)(\.git|\.husky|\.vscode|\.envrc|Makefile|package\.json)(\/|$)/;

const SECONDS = 60;

class AgentTool {
  private readonly name = `agent-${randomUUID()}`;
  private readonly changes = keptChanges(this.name);
  private readonly names = new Names();

  constructor(private readonly directory: string) {}

  /** What somebody says of a name, also while something runs. */
  decide({ reach, allow = false }: Request): void {
    if (reach !== undefined) this.names.decide(reach, allow);
  }

  /** Nobody says anything any more. */
  close(): void {
    this.names.close();
  }

  async answer(request: Request): Promise<object> {
    if (request.run !== undefined) return this.run(request.run);
    if (request.patch) return { patch: await this.changes.patch({ paths: [this.directory] }) };
    if (request.apply) return this.apply();
    if (request.discard) await this.changes.discard();
    return {};
  }

  private async run(args: readonly string[]): Promise<object> {
    const container = run({
      host: true,
      args,
      workdir: this.directory,
      keep: this.name,
      allowNet: [],
      onNetwork: (network) => say({ network }),
      mayReach: ({ name }) => this.names.ask(name),
      audit: true,
      signal: AbortSignal.timeout(SECONDS * 1000),
    });
    const { exitCode, stdout, stderr } = await container.output();
    const changed = (await this.own()).map((change) => this.short(change));
    const { programs } = await (await container).audit();
    return { exitCode, stdout, stderr, changed, programs: programs.length };
  }

  private async apply(): Promise<object> {
    const changes = await this.own();
    const dangerous = changes.filter(({ path }) => BY_HAND.test(relative(this.directory, path)));
    // A path also stands for all that is below it.
    const byHand = changes.filter(({ path }) =>
      dangerous.some((one) => one.path === path || one.path.startsWith(`${path}/`)),
    );
    const paths = changes.filter((change) => !byHand.includes(change)).map(({ path }) => path);
    const applied = paths.length === 0 ? [] : await this.changes.apply({ paths });
    return {
      applied: applied.filter(({ left }) => left === null).map((change) => this.short(change)),
      refused: [
        ...byHand.map((change) => `${this.short(change)}: a person has to look at it`),
        ...applied.flatMap((change) =>
          change.left === null ? [] : [`${this.short(change)}: ${change.left.why}`],
        ),
      ],
    };
  }

  /** What has changed in the directory; the rest is of no interest, and never taken over. */
  private async own(): Promise<Change[]> {
    return await this.changes.diff({ paths: [this.directory] });
  }

  private short({ path }: Change): string {
    return relative(this.directory, path);
  }
}

/** What somebody has said of names, or will. */
class Names {
  private readonly said = new Map<string, boolean>();
  private readonly asked = new Map<string, (allow: boolean) => void>();
  private closed = false;

  decide(name: string, allow: boolean): void {
    this.said.set(name, allow);
    this.asked.get(name)?.(allow);
    this.asked.delete(name);
  }

  ask(name: string): boolean | Promise<boolean> {
    const said = this.said.get(name) ?? (this.closed ? false : undefined);
    if (said !== undefined) return said;
    say({ mayReach: name });
    return new Promise((resolve) => this.asked.set(name, resolve));
  }

  close(): void {
    this.closed = true;
    for (const refuse of this.asked.values()) refuse(false);
  }
}

function say(what: object): void {
  console.log(JSON.stringify(what));
}

async function answered(request: Request): Promise<void> {
  try {
    say(await tool.answer(request));
  } catch (error) {
    if (!(error instanceof BrunError || error instanceof AbortError)) throw error;
    say({ error: error.message });
  }
}

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: agent-tool.ts DIRECTORY");
const tool = new AgentTool(directory);
let done = Promise.resolve();
for await (const line of createInterface({ input: process.stdin })) {
  const request: Request = JSON.parse(line);
  if (request.reach !== undefined) tool.decide(request);
  else done = done.then(() => answered(request));
}
tool.close();
await done;
