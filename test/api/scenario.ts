/**
 * A program that uses the TypeScript API, for test/api.test.ts, which bundles it, runs it as each caller and looks
 * at what it prints: JSON with a field for each thing that was tried.
 *   usage: scenario.ts BRUN STATE ROOTFS
 */
import { dlopen } from "bun:ffi";
import { readdirSync, readFileSync } from "node:fs";
import { BrunError, Container, create, doctor, explain, features, run } from "brun";

const [brun, root, rootfs] = process.argv.slice(2) as [string, string, string];
const base = { brun, root, rootfs };
const seen: Record<string, unknown> = {};

const descriptors = (): number => readdirSync("/proc/self/fd").length;

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
  await using echo = await run({ ...base, args: ["cat"], stdin: "pipe" });
  const writer = echo.stdin!.getWriter();
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
  for await (const _ of container.stdout!) break;
  const opened = await Container.open("made", { brun, root });
  seen.listed = (await Container.list({ brun, root })).map(({ id }) => id);
  await using process = await opened.exec(["sh", "-c", "echo $A $PWD; exit 4"], {
    cwd: "/tmp",
    env: { A: "b" },
  });
  seen.exec = await process.output();
  await using sleeper = await container.exec(["sleep", "1000"]);
  sleeper.kill("SIGKILL");
  seen.execKilled = await sleeper.wait();
  await using polite = await container.exec([
    "sh",
    "-c",
    "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done",
  ]);
  for await (const _ of polite.stdout!) break;
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
  seen.hook = await errorOf(() =>
    run({ ...base, args: ["true"], edit: (made) => (made.hooks = { createRuntime: [hook] }) }),
  );
  await using _ = await run({ ...base, id: "twice", args: ["sleep", "1000"] });
  seen.exists = await errorOf(() => run({ ...base, id: "twice", args: ["true"] }));
}

async function aborts(): Promise<void> {
  seen.timeout = await errorOf(async () => {
    const options = { ...base, args: ["sleep", "1000"], signal: AbortSignal.timeout(300) };
    await (await run(options)).wait();
  });
  const hook = { path: "/bin/sh", args: ["sh", "-c", "sleep 1000"] };
  const edit = (spec: { hooks?: unknown }): unknown => (spec.hooks = { createRuntime: [hook] });
  seen.abortWhileMade = await errorOf(() =>
    run({ ...base, args: ["true"], edit, signal: AbortSignal.timeout(500) }),
  );
  seen.abortedBefore = await errorOf(() => run({ ...base, args: ["true"], signal: AbortSignal.abort("no") }));
  // What an abort deletes is deleted by another brun, which may take a moment.
  for (let i = 0; i < 100 && (await Container.list({ brun, root })).length > 0; i++) await Bun.sleep(20);
}

/** The loop goes on while a hook blocks brun. */
async function responsive(): Promise<void> {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 10);
  const hook = { path: "/bin/sh", args: ["sh", "-c", "sleep 1"] };
  await using container = await run({
    ...base,
    args: ["true"],
    edit: (spec) => (spec.hooks = { createRuntime: [hook] }),
  });
  await container.wait();
  clearInterval(timer);
  seen.responsive = ticks > 20;
}

async function questions(): Promise<void> {
  seen.doctor = (await doctor({ brun })).some(({ id, state }) => id === "user-namespace" && state === "ok");
  const warnings: string[] = [];
  const explanation = await explain({ ...base, args: ["sh"], onWarning: (line) => warnings.push(line) });
  seen.explain = [explanation.rootfs, explanation.programs.length > 0, explanation.spec.process.args];
  seen.features = (await features({ brun })).ociVersionMax;
}

const PR_GET_CHILD_SUBREAPER = 37;
const signals = (): string =>
  readFileSync("/proc/self/status", "utf8")
    .match(/Sig(?:Ign|Cgt|Blk):.*/g)!
    .join();
const before = signals();
await streams();
const open = descriptors();
await streams();
// Bun closes its own copies a moment later.
for (let i = 0; i < 100 && descriptors() > open; i++) await Bun.sleep(20);
seen.descriptors = Math.max(0, descriptors() - open);
await lifecycle();
await errors();
await aborts();
await responsive();
await questions();
seen.left = await Container.list({ brun, root });
const { prctl } = dlopen("libc.so.6", { prctl: { args: ["i32", "ptr"], returns: "i32" } }).symbols;
const reaper = new Int32Array(1);
prctl(PR_GET_CHILD_SUBREAPER, reaper);
seen.untouched = [reaper[0], signals() === before];
seen.children = readdirSync("/proc/self/task").flatMap((task) =>
  readFileSync(`/proc/self/task/${task}/children`, "utf8").split(" ").filter(Boolean),
);
console.log(JSON.stringify(seen, null, 2));
