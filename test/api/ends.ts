/**
 * A program that ends while it has containers, for test/api.test.ts: it prints their processes' ids, and ends as it is told.
 *   usage: ends.ts exit|kill|throw|terminate|making BRUN STATE ROOTFS
 */
import { setTimeout as sleep } from "node:timers/promises";
import { create, run, specOf } from "brun";

const [how, brun, root, rootfs] = process.argv.slice(2) as [string, string, string, string];
const base = { brun, root, rootfs };

async function making(): Promise<never> {
  const spec = await specOf({ ...base, args: ["true"] });
  const hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", "sleep 1000"] }] };
  void run({ brun, root, spec: { ...spec, hooks } });
  await sleep(700);
  console.log("[]");
  process.kill(process.pid, "SIGKILL");
  return await new Promise(() => {});
}

if (how === "making") await making();
const running = await run({ ...base, args: ["sleep", "1000"] });
const created = await create({ ...base, args: ["sleep", "1000"] });
const started = await create({ ...base, args: ["sleep", "1000"] });
await started.start();
await running.exec(["sleep", "1000"]);
const host = await run({ brun, root, host: true, args: ["sleep", "1000"] });
const stays = await run({
  ...base,
  id: "stays",
  args: ["sleep", "1000"],
  stdout: "ignore",
  dieWithParent: false,
});
const all = [running, created, started, host, stays];
const pids = await Promise.all(all.map(async (container) => (await container.state()).pid));
console.log(JSON.stringify(pids));
if (how === "exit") process.exit(3);
if (how === "throw") throw new Error("unexpected");
process.kill(process.pid, how === "kill" ? "SIGKILL" : "SIGTERM");
