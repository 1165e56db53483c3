/**
 * A program that uses the TypeScript API, for test/api.test.ts, which bundles it, runs it in Bun and in Node as each
 * caller and looks at what it prints: JSON with a field for each thing that was tried.
 *   usage: scenario.ts BRUN STATE ROOTFS
 */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import {
  AbortError,
  BrunError,
  Container,
  create,
  doctor,
  explain,
  features,
  type Output,
  run,
  type Spec,
  specOf,
} from "brun";

const [brun, root, rootfs] = process.argv.slice(2) as [string, string, string];
const base = { brun, root, rootfs };
const seen: Record<string, unknown> = {};

const descriptors = (): number => readdirSync("/proc/self/fd").length;

/** The config of a container whose hook is this. */
async function hooked(args: readonly string[]): Promise<Spec> {
  const spec = await specOf({ ...base, args: ["true"] });
  return { ...spec, hooks: { createRuntime: [{ path: "/bin/sh", args: [...args] }] } };
}

/** A list of names that changes: what the log says, and what is no entry. */
async function network(): Promise<unknown> {
  const log = `${root}/../net.log`;
  await using container = await run({ ...base, args: ["sleep", "100"], allowNet: "a.example", netLog: log });
  await container.updateNetwork({ allow: ["b.example:22"], deny: "a.example" });
  const wrong = await errorOf(() => container.updateNetwork({ deny: "never.example" }));
  const { verdict, allow } = JSON.parse(readFileSync(log, "utf8"));
  return [verdict, allow, wrong];
}

/** What is returned inside of the block is whole. */
async function returned(): Promise<Output> {
  await using container = await run({ ...base, args: ["sh", "-c", "sleep 0.3; echo whole"] });
  return container.output();
}

/** The same of a further program, begun or not. */
async function returnedOfExec(begun: boolean): Promise<Output> {
  await using container = await run({ ...base, args: ["sleep", "1000"] });
  const process = container.exec(["sh", "-c", "sleep 0.3; echo whole"]);
  return begun ? (await process).output() : process.output();
}

/** The command line's options, its filter and its init. */
async function sandboxes(): Promise<void> {
  const script =
    "grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status; echo $A $$ $PWD; cat /proc/1/comm; id -u";
  seen.sandbox = await run({
    ...base,
    args: ["sh", "-c", script],
    env: { A: "b" },
    workdir: "/tmp",
    user: "7:7",
    tmpfs: "/tmp",
    volume: ["/etc:/mnt:ro"],
    ulimit: ["core=0"],
    input: "",
  }).output();
  seen.withoutInit = (await run({ ...base, args: ["sh", "-c", "echo $$"], init: false }).output()).stdout;
  seen.host = await run({
    brun,
    root,
    host: true,
    args: ["sh", "-c", "cat; exit 6"],
    input: "piped",
  }).output();
  seen.returned = [await returned(), await returnedOfExec(true), await returnedOfExec(false)];
  seen.terminal = (await run({ ...base, args: ["sh", "-c", "tty"], tty: true }).output()).stdout;
  const all = Array.from({ length: 50 }, (_, i) => run({ ...base, args: ["echo", `${i}`] }).output());
  seen.fifty = (await Promise.all(all)).every(
    ({ exitCode, stdout }, i) => exitCode === 0 && stdout === `${i}\n`,
  );
}

async function errorOf(action: () => Promise<unknown>): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof BrunError)) return String(error);
    const { name, code, path, message, hint } = error;
    return { name, code, path, message, hint };
  }
  return "no error";
}

/** The same a second time leaves no more descriptors open. */
async function streams(): Promise<void> {
  const script = "cat; echo error >&2; echo opened > /dev/stdout; ls /proc/self/fd | wc -l; exit 3";
  await using all = await run({ ...base, args: ["sh", "-c", script], input: "input\n" });
  seen.output = await all.output();
  const big = "x".repeat(1_000_000);
  await using count = await run({ ...base, args: ["sh", "-c", "sleep 0.3; wc -c"], input: big });
  seen.bigInput = (await count.output()).stdout;
  const flood = "dd if=/dev/zero bs=1000 count=3000 2>/dev/null | tr '\\0' x";
  seen.bigOutput = (await run({ ...base, args: ["sh", "-c", flood] }).output()).stdout.length;
  await using echo = await run({ ...base, args: ["cat"], stdin: "pipe" });
  const writer = echo.stdin.getWriter();
  await writer.write("one\n");
  await writer.write(new TextEncoder().encode("two\n"));
  await writer.close();
  seen.piped = await echo.output();
  await using unread = await run({ ...base, args: ["sh", "-c", "echo never read"] });
  seen.unread = await unread.wait();
  await using deaf = await run({ ...base, args: ["true"], input: big });
  seen.deaf = await deaf.wait();
}

async function lifecycle(): Promise<void> {
  await using container = await create({
    ...base,
    id: "made",
    args: ["sh", "-c", "trap 'exit 9' TERM; echo up; while :; do sleep 0.05; done"],
  });
  const statuses = [(await container.state()).status];
  await container.start();
  statuses.push((await container.state()).status);
  for await (const _ of container.stdout) break;
  const opened = await Container.open("made", { brun, root });
  seen.listed = (await Container.list({ brun, root })).map(({ id }) => id);
  await using process = await opened.exec(["sh", "-c", "echo $A $PWD; exit 4"], {
    cwd: "/tmp",
    env: { A: "b" },
  });
  seen.exec = await process.output();
  // At once, when brun has only just become its supervisor.
  const killed = new Set<number>();
  for (let i = 0; i < 20; i++) {
    await using sleeper = await container.exec(["sleep", "1000"]);
    sleeper.kill("SIGKILL");
    killed.add(await sleeper.wait());
  }
  seen.execKilled = [...killed];
  await using polite = await container.exec([
    "sh",
    "-c",
    "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done",
  ]);
  for await (const _ of polite.stdout) break;
  polite.kill();
  seen.execSignalled = await polite.wait();
  seen.execMissing = await errorOf(() => container.exec(["nothing"]));
  seen.execAborted = await errorOf(async () =>
    (await container.exec(["sleep", "1000"], { signal: AbortSignal.timeout(100) })).wait(),
  );
  seen.processes = (await container.processes()).length > 0;
  await container.kill("SIGTERM");
  seen.exit = await container.wait();
  statuses.push((await container.state()).status);
  seen.startAgain = await errorOf(() => container.start());
  await container.delete();
  seen.statuses = statuses;
}

async function errors(): Promise<void> {
  seen.notFound = await errorOf(() => Container.open("nothing", { brun, root }));
  seen.badId = await errorOf(() => run({ ...base, id: "a/b", args: ["true"] }));
  seen.missing = await errorOf(() => run({ ...base, args: ["nothing"] }));
  const spec = { ociVersion: "1.0.0", process: { cwd: "/", args: "sh" }, root: { path: rootfs } };
  seen.badSpec = await errorOf(() => run({ brun, root, spec: spec as never }));
  seen.noBundle = await errorOf(() => run({ brun, root, bundle: "/nowhere" }));
  seen.noBrun = await errorOf(() => run({ ...base, brun: "/nowhere/brun", args: ["true"] }));
  const hook = { path: "/bin/sh", args: ["sh", "-c", "exit 5"] };
  seen.hook = await errorOf(async () => run({ brun, root, spec: await hooked(hook.args) }));
  seen.unknown = await errorOf(() => run({ ...base, args: ["true"], memroy: "1g" } as never));
  seen.misplaced = await errorOf(() => run({ ...base, args: ["true"], rw: "/tmp" } as never));
  seen.both = await errorOf(() => run({ ...base, host: true, args: ["true"] } as never));
  seen.nothing = await errorOf(() => run({ brun, root } as never));
  seen.excluded = await errorOf(() =>
    run({ ...base, args: ["true"], upper: "/nowhere", readOnly: true } as never),
  );
  seen.badValue = await errorOf(() => run({ ...base, args: ["true"], memory: "much" }));
  seen.badType = await errorOf(() => run({ ...base, args: ["true"], volume: { a: "b" } as never }));
  seen.inputTwice = await errorOf(() => run({ ...base, args: ["true"], input: "" as never, stdin: "pipe" }));
  seen.surrogate = await errorOf(() => run({ ...base, args: ["echo", "\ud800"] }));
  seen.nul = await errorOf(() => run({ ...base, args: ["echo"], env: { A: "b\0" } }));
  await using _ = await run({ ...base, id: "twice", args: ["sleep", "1000"] });
  seen.exists = await errorOf(() => run({ ...base, id: "twice", args: ["true"] }));
}

async function aborts(): Promise<void> {
  seen.timeout = await errorOf(async () => {
    const options = { ...base, args: ["sleep", "1000"], signal: AbortSignal.timeout(300) };
    await (await run(options)).wait();
  });
  const spec = await hooked(["sh", "-c", "sleep 1000"]);
  seen.abortWhileMade = await errorOf(() => run({ brun, root, spec, signal: AbortSignal.timeout(500) }));
  seen.timeoutWhileMade = await errorOf(() => run({ brun, root, spec, timeout: 500 }));
  const script = "echo out; echo err >&2; sleep 1000";
  const partial = await run({ ...base, args: ["sh", "-c", script], timeout: "0.7s" })
    .output()
    .catch((error) => error);
  seen.partial = [partial instanceof AbortError, partial.code, partial.stdout, partial.stderr];
  const abort = new AbortController();
  const cut = run({ ...base, args: ["sh", "-c", script], signal: abort.signal }).output();
  setTimeout(() => abort.abort(new Error("enough")), 700);
  const enough = await cut.catch((error) => error);
  seen.aborted = [enough.code, enough.message, enough.cause.message, enough.stdout];
  await using made = await create({ ...base, args: ["sleep", "1000"] });
  seen.callAborted = await errorOf(() => made.state({ signal: AbortSignal.abort("no") }));
  seen.callCut = await errorOf(async () => {
    const cut = new AbortController();
    setTimeout(() => cut.abort(), 1);
    await doctor({ brun, signal: cut.signal });
  });
  seen.execTimeout = await errorOf(async () => {
    await made.start();
    return await made.exec(["sleep", "1000"], { timeout: 300 }).output();
  });
  seen.abortedBefore = await errorOf(() => run({ ...base, args: ["true"], signal: AbortSignal.abort("no") }));
  await made.delete({ force: true });
  seen.leftByAborts = (await Container.list({ brun, root })).length;
}

/** The loop goes on while a hook blocks brun. */
async function responsive(): Promise<void> {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 10);
  await using container = await run({ brun, root, spec: await hooked(["sh", "-c", "sleep 1"]) });
  await container.wait();
  clearInterval(timer);
  seen.responsive = ticks > 20;
}

async function questions(): Promise<void> {
  seen.doctor = (await doctor({ brun })).some(({ id, state }) => id === "user-namespace" && state === "ok");
  const warnings: string[] = [];
  const explanation = await explain({ ...base, args: ["sh"], onWarning: (line) => warnings.push(line) });
  seen.explain = [explanation.rootfs, explanation.programs.length > 0, explanation.spec.process.args];
  seen.network = await network();
  seen.features = (await features({ brun })).ociVersionMax;
}

/** Node has no prctl. */
async function isSubreaper(): Promise<boolean> {
  if (process.versions.bun === undefined) return false;
  const { dlopen } = await import("bun:ffi");
  const { prctl } = dlopen("libc.so.6", { prctl: { args: ["i32", "ptr"], returns: "i32" } }).symbols;
  const reaper = new Int32Array(1);
  prctl(37 /* PR_GET_CHILD_SUBREAPER */, reaper);
  return reaper[0] !== 0;
}

const signals = (): string =>
  readFileSync("/proc/self/status", "utf8")
    .match(/Sig(?:Ign|Cgt|Blk):.*/g)!
    .join();
// What did not end is told when the test gives up.
process.on("SIGTERM", () => {
  console.error(`the last answer was that of ${Object.keys(seen).at(-1)}`);
  process.exit(143);
});
const before = signals();
await streams();
const open = descriptors();
await streams();
// Bun closes its own copies a moment later.
for (let i = 0; i < 100 && descriptors() > open; i++) await sleep(20);
seen.descriptors = Math.max(0, descriptors() - open);
await lifecycle();
await errors();
await aborts();
await responsive();
await questions();
await sandboxes();
seen.left = await Container.list({ brun, root });
seen.untouched = [await isSubreaper(), signals() === before];
seen.children = readdirSync("/proc/self/task").flatMap((task) =>
  readFileSync(`/proc/self/task/${task}/children`, "utf8").split(" ").filter(Boolean),
);
console.log(JSON.stringify(seen, null, 2));
