/**
 * A tool for an agent: it runs commands on a copy of this machine, in a directory, without secrets. It keeps and shows their
 * changes, and applies only those that are harmless. Commands reach only names that the caller of this tool allows. It reads
 * requests from stdin and writes answers to stdout, each a line of JSON:
 *   {"run": ["make", "test"]}   → {"exitCode": 0, "stdout": "…", "stderr": "…", "changed": ["src/a.ts"], "programs": 3}
 *                   meanwhile   → {"network": {"verdict": "allowed", "name": "example.org", "port": 443, …}}
 *                               → {"mayReach": "example.org"}, which waits for the next request
 *   {"reach": "example.org", "allow": true}, also before the question
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

/** Files that later run code on this machine. Only a person may apply changes to them. */
const BY_HAND = /(^|\/)(\.git|\.husky|\.vscode|\.envrc|Makefile|package\.json)(\/|$)/;

const SECONDS = 60;

class AgentTool {
  private readonly name = `agent-${randomUUID()}`;
  private readonly changes = keptChanges(this.name);

  constructor(
    private readonly directory: string,
    private readonly names: Names,
  ) {}

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
    // Applying a directory applies all changes below it.
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

  /** The changes in the directory. Others are ignored, and never applied. */
  private async own(): Promise<Change[]> {
    return await this.changes.diff({ paths: [this.directory] });
  }

  private short({ path }: Change): string {
    return relative(this.directory, path);
  }
}

/** The caller's decisions about names. */
class Names {
  private readonly decided = new Map<string, boolean>();
  /** Open questions. A name has several if the program connects to several of its ports. */
  private readonly asked = new Map<string, ((allow: boolean) => void)[]>();
  private closed = false;

  decide(name: string, allow: boolean): void {
    this.decided.set(name, allow);
    for (const answer of this.asked.get(name) ?? []) answer(allow);
    this.asked.delete(name);
  }

  ask(name: string): boolean | Promise<boolean> {
    const decided = this.decided.get(name) ?? (this.closed ? false : undefined);
    if (decided !== undefined) return decided;
    const waiting = this.asked.get(name) ?? [];
    if (waiting.length === 0) say({ mayReach: name });
    this.asked.set(name, waiting);
    return new Promise((resolve) => waiting.push(resolve));
  }

  /** Refuses all names without a decision, since no more decisions will come. */
  close(): void {
    this.closed = true;
    for (const name of [...this.asked.keys()]) this.decide(name, false);
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
const names = new Names();
const tool = new AgentTool(directory, names);
let done = Promise.resolve();
for await (const line of createInterface({ input: process.stdin })) {
  const request: Request = JSON.parse(line);
  if (request.reach !== undefined) names.decide(request.reach, request.allow ?? false);
  else done = done.then(() => answered(request));
}
names.close();
await done;
