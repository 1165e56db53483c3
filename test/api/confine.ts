/** A program that confines others without containers: prints what it saw as JSON, and leaves two of them running. */
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { AbortError, BrunError, confine } from "brun";

const [directory = ""] = process.argv.slice(2);
process.env.HOME = dirname(directory);
const warnings: string[] = [];
const where = { workdir: directory, onWarning: (text: string) => void warnings.push(text) };
const sh = (script: string) => ({ ...where, args: ["sh", "-c", script] });
const seen: Record<string, unknown> = {};
const failure = async (action: () => Promise<unknown>) => {
  try {
    await action();
    return "none";
  } catch (error) {
    if (error instanceof AbortError) return [error.code, error.stdout];
    if (error instanceof BrunError) return [error.code, error.message, error.path ?? ""];
    throw error;
  }
};

const script = "cat; cat ~/.netrc 2>/dev/null || echo hidden; echo out >out; echo x >../outside; exit 3";
seen.output = await confine({ ...sh(script), input: "in\n" }).output();
seen.signalled = await confine(sh("kill -TERM $$")).wait();
const stopped = await confine({ ...sh("read line; echo $line; exec sleep 100"), stdin: "pipe" });
const writer = stopped.stdin.getWriter();
await writer.write("word\n");
const reader = stopped.stdout.getReader();
seen.piped = new TextDecoder().decode((await reader.read()).value);
stopped.kill("SIGKILL");
seen.killed = await stopped.wait();
const slow = { ...sh("echo begun; exec sleep 100"), timeout: 500 };
seen.late = await failure(() => confine(slow).output());
seen.lateStays = await failure(() => confine({ ...slow, dieWithParent: false }).output());

const connections: string[] = [];
const server = createServer((socket) => socket.end(() => connections.push("one")));
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as { port: number };
const connect = ["python3", "-c", `import socket; socket.create_connection(("127.0.0.1", ${port})).recv(1)`];
seen.connected = [
  await confine({ ...where, args: connect, connectPort: `${port}` }).wait(),
  await confine({ ...where, args: connect, connectPort: ["1"] }).wait(),
  await confine({ ...where, args: connect }).wait(),
  connections.length,
];
server.close();

writeFileSync(`${directory}/broken`, "\x7fELF", { mode: 0o755 });
seen.notFound = await failure(() => confine({ ...where, args: ["no-such-program"] }));
seen.broken = await failure(() => confine({ ...where, args: ["./broken"] }).wait());
seen.noPort = await failure(() => confine({ ...where, args: ["true"], connectPort: "x" }));
seen.memory = await failure(() => confine({ ...where, args: ["true"], ...{ memory: "1g" } }));
seen.warnings = warnings;

const ends = await confine(sh("echo $$ $TMPDIR; exec sleep 100"));
const stays = await confine({ ...sh("echo $$ $TMPDIR; exec sleep 100"), dieWithParent: false });
seen.left = await Promise.all(
  [ends, stays].map(async ({ stdout }) =>
    new TextDecoder()
      .decode((await stdout.getReader().read()).value)
      .trim()
      .split(" "),
  ),
);
console.log(JSON.stringify(seen));
process.exit(0);
