/**
 * A tool for an agent: it runs commands on a copy of this machine, in a directory, without network and secrets. What they
 * change is kept, shown, and taken over only where this program agrees. Speaks JSON lines on stdin and stdout:
 *   {"run": ["make", "test"]}   → {"exitCode": 0, "stdout": "…", "stderr": "…", "changed": ["src/a.ts"]}
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

  constructor(private readonly directory: string) {}

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
      network: "none",
      signal: AbortSignal.timeout(SECONDS * 1000),
    });
    const { exitCode, stdout, stderr } = await container.output();
    return { exitCode, stdout, stderr, changed: (await this.own()).map((change) => this.short(change)) };
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

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error("usage: agent-tool.ts DIRECTORY");
const tool = new AgentTool(directory);
for await (const line of createInterface({ input: process.stdin })) {
  let answer: object;
  try {
    answer = await tool.answer(JSON.parse(line));
  } catch (error) {
    if (!(error instanceof BrunError || error instanceof AbortError)) throw error;
    answer = { error: error.message };
  }
  console.log(JSON.stringify(answer));
}
