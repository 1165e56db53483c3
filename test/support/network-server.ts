/**
 * Servers in a network namespace of a test: DNS for given names, HTTP, HTTPS, an echo and a sink. The argument
 * is a {@link ServerPlan} in JSON. stdout gets "ready", and then a line for each question and each connection.
 */
import { createSocket } from "node:dgram";
import { statSync } from "node:fs";
import { createServer } from "node:net";
import { parseIpv4, parseIpv6 } from "../../src/net/address.ts";
import { answer, parseQuery, RCODE, TYPE } from "../../src/net/dns-message.ts";

/** The data of the servers. */
export interface ServerPlan {
  /** The address of the DNS server; empty for none. */
  readonly dns: string;
  /** The addresses of each name. If they are lists, each pair of questions gets the next list. */
  readonly zone: Readonly<Record<string, readonly string[] | readonly (readonly string[])[]>>;
  readonly cert: string;
  readonly key: string;
  /** The directory of the HTTP server's files. */
  readonly files: string;
}

const plan = JSON.parse(process.argv[2]!) as ServerPlan;
const turns = new Map<string, number>();
const say = (line: string) => process.stdout.write(`${line}\n`);

function addressesOf(name: string): readonly string[] | null {
  const entry = plan.zone[name] ?? plan.zone[name.replace(/^[^.]+/, "*")];
  if (entry === undefined) return null;
  if (typeof entry[0] === "string") return entry as readonly string[];
  const turn = turns.get(name) ?? 0;
  turns.set(name, turn + 1);
  // Clients ask for both types of records at once.
  return entry[Math.min(Math.floor(turn / 2), entry.length - 1)] as readonly string[];
}

function respond(message: Uint8Array): Uint8Array | null {
  const question = parseQuery(message);
  if (question === null || "error" in question) return null;
  say(`dns ${question.name} ${question.type}`);
  const found = addressesOf(question.name);
  if (found === null) return answer(question, RCODE.nxDomain, [], 0);
  const addresses = found.map((text) => parseIpv4(text) ?? parseIpv6(text)!);
  const length = question.type === TYPE.A ? 4 : question.type === TYPE.AAAA ? 16 : 0;
  return answer(
    question,
    RCODE.ok,
    addresses.filter((each) => each.length === length),
    60,
  );
}

/**
 * A file in the directory, or the index.html of a directory. 404 if there is none, and null for the root. HTTP
 * 1.0 has no host.
 */
function served(path: string): Response | null {
  if (path === "/") return null;
  const file = [path, `${path}index.html`].map((name) => `${plan.files}${name}`).find(isFile);
  if (file === undefined) return new Response("no such file\n", { status: 404 });
  return new Response(Bun.file(file));
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

const dns = createSocket("udp4");
dns.on("message", (message, from) => {
  const bytes = respond(message);
  if (bytes !== null) dns.send(bytes, from.port, from.address);
});
if (plan.dns !== "") await new Promise<void>((bound) => dns.bind(53, plan.dns, bound));

createServer((socket) => {
  socket.on("error", () => undefined);
  socket.pipe(socket);
}).listen(7, "::");
createServer((socket) => {
  socket.on("error", () => undefined);
  socket.on("data", () => undefined);
  socket.on("end", () => socket.end("k"));
}).listen(9, "::");
for (const tls of [undefined, { cert: plan.cert, key: plan.key }]) {
  Bun.serve({
    port: tls === undefined ? 80 : 443,
    hostname: "::",
    ...(tls && { tls }),
    fetch(request, server) {
      const host = request.headers.get("host") ?? "";
      say(`http ${host}`);
      if (server.upgrade(request)) return undefined;
      return served(new URL(request.url, "http://none").pathname) ?? new Response(`hello ${host}\n`);
    },
    websocket: {
      message(socket, text) {
        socket.send(`echo ${text}`);
      },
    },
  });
}
say("ready");
