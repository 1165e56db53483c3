/** The OCI life cycle (runtime.md#lifecycle) as a table: what each command does to a container in each status. */

export type Status = "absent" | "created" | "running" | "paused" | "stopped";

/** A command, and by status what the container becomes; a status that is not named refuses the command. */
export interface Move {
  readonly name: string;
  readonly args: (id: string, bundle: string) => string[];
  readonly next: Partial<Record<Status, Status>>;
  /** The command needs a cgroup of the container's own. */
  readonly cgroup?: true;
}

const stays = (...statuses: Status[]): Partial<Record<Status, Status>> =>
  Object.fromEntries(statuses.map((status) => [status, status]));

const ANY: readonly Status[] = ["created", "running", "paused", "stopped"];

/** A user has 200 keys (kernel.keys.maxkeys), and a container takes one for its session keyring. */
const MANY = process.env.BRUN_LOAD === "full" ? ["--no-new-keyring"] : [];

export const MOVES: readonly Move[] = [
  { name: "create", args: (id, b) => ["create", ...MANY, "--bundle", b, id], next: { absent: "created" } },
  {
    name: "run",
    args: (id, b) => ["run", ...MANY, "--detach", "--bundle", b, id],
    next: { absent: "running" },
  },
  { name: "start", args: (id) => ["start", id], next: { created: "running" } },
  { name: "state", args: (id) => ["state", id], next: stays(...ANY) },
  { name: "exec", args: (id) => ["exec", id, "/bin/true"], next: stays("created", "running") },
  { name: "ps", args: (id) => ["ps", id], next: stays(...ANY) },
  { name: "kill 0", args: (id) => ["kill", id, "0"], next: stays("created", "running", "paused") },
  {
    name: "kill",
    args: (id) => ["kill", id, "KILL"],
    next: { created: "stopped", running: "stopped", paused: "stopped" },
  },
  {
    name: "pause",
    args: (id) => ["pause", id],
    next: { created: "paused", running: "paused" },
    cgroup: true,
  },
  { name: "resume", args: (id) => ["resume", id], next: { paused: "running" }, cgroup: true },
  { name: "delete", args: (id) => ["delete", id], next: { created: "absent", stopped: "absent" } },
  {
    name: "delete --force",
    args: (id) => ["delete", "--force", id],
    next: { absent: "absent", ...Object.fromEntries(ANY.map((status) => [status, "absent"])) },
  },
];

/** A container of the model. One that was paused before it was started is created again when it is resumed. */
export class Model {
  status: Status = "absent";
  private started = false;

  constructor(private readonly pausable: boolean) {}

  /** What a command makes of the container, or null when it is refused. */
  after(move: Move): Status | null {
    if (move.cgroup && !this.pausable) return null;
    const next = move.next[this.status] ?? null;
    return move.name === "resume" && next !== null && !this.started ? "created" : next;
  }

  /** The command has been done. */
  apply(move: Move): void {
    const next = this.after(move);
    if (next === null) return;
    if (move.name === "start" || move.name === "run") this.started = true;
    if (next === "absent") this.started = false;
    this.status = next;
  }
}

/** Numbers from 0 up to but not including `limit`, the same ones for the same seed (mulberry32). */
export function random(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}
