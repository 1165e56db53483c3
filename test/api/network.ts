/**
 * A program that hears of what sandboxes connect to, and is asked for names, in the namespaces of test/support/network.ts: prints
 * what it saw as JSON.
 *   usage: network.ts COUNT: so many sandboxes at once
 */
import { AbortError, BrunError, type NetworkEvent, type NetworkQuestion, run } from "brun";

const [count = "1"] = process.argv.slice(2);
const seen: Record<string, unknown> = {};
const curl = (url: string, more = "") => `curl -s -m 20 ${more} -o /dev/null -w '%{http_code}\n' ${url}`;
const sh = (...commands: readonly string[]) => ["sh", "-c", commands.join("; ")];
const word = ({ event, verdict, name, port }: NetworkEvent) =>
  [event, verdict, name, ...(port === undefined ? [] : [port])].join(" ");
const errorOf = (action: () => unknown) =>
  Promise.resolve()
    .then(action)
    .then(
      () => "none",
      (error) => {
        if (error instanceof BrunError || error instanceof AbortError)
          return `${error.code} ${error.message}`;
        throw error;
      },
    );

/** The program ends when this one has heard of the connection's end: events come while it runs. */
async function events(): Promise<void> {
  const heard: NetworkEvent[] = [];
  const script = [curl("http://good.example/"), curl("http://other.example/"), "cat"];
  await using container = await run({
    host: true,
    args: sh(...script),
    allowNet: "good.example:80",
    audit: true,
    stdin: "pipe",
    onNetwork(event) {
      heard.push(event);
      if (event.verdict === "refused") void container.stdin.close();
    },
  });
  const { stdout } = await container.output();
  const { sent = 0, received = 0, time } = heard.find(({ verdict }) => verdict === "closed")!;
  seen.events = [stdout, ...heard.map(word)];
  seen.bytes = sent > 50 && received > 50;
  seen.time = new Date(time).toISOString() === time;
  const { names, programs } = await container.audit();
  seen.audit = [names, programs.find(({ path }) => path.endsWith("/curl"))?.count];
}

/** Names that are allowed on the spot, and those that are not. */
async function questions(): Promise<void> {
  const asked: NetworkQuestion[] = [];
  const warnings: string[] = [];
  const heard: NetworkEvent[] = [];
  const script = [
    ...["good", "a.wild", "b.wild", "other", "other", "private", "all"].map((name) =>
      curl(`http://${name}.example/`),
    ),
    curl("http://good.example:81/", "-x socks5h://198.18.0.1:1080"),
    curl("http://good.example:7/", "-m 3 -x socks5h://198.18.0.1:1080"),
    curl("http://203.0.113.3/"),
    // Refused at once, and allowed for the next attempt.
    `bash -c 'for i in $(seq 100); do : <>/dev/tcp/good.example/9 && { echo nine; break; }; sleep 0.05; done' 2>/dev/null`,
  ];
  const { stdout } = await run({
    host: true,
    args: sh(...script),
    allowNet: [],
    onNetwork: (event) => heard.push(event),
    onWarning: (warning) => warnings.push(warning),
    mayReach: async (question) => {
      asked.push(question);
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (question.name === "a.wild.example") return ["*.wild.example:80"];
      if (question.name === "all.example") return "*";
      if (question.name === "other.example") throw new Error("not today");
      return question.port !== 7;
    },
  }).output();
  const failed = ({ verdict }: NetworkEvent) => verdict === "refused" || verdict === "failed";
  seen.questions = {
    codes: stdout.split("\n").join(" ").trim(),
    asked: asked.map(({ name, port }) => `${name} ${port}`),
    warnings,
    failed: heard.filter(failed).map((event) => `${word(event)}: ${event.reason}`),
  };
}

/** Longer than resolvers wait by themselves. */
async function slowly(): Promise<void> {
  const { stdout } = await run({
    host: true,
    args: sh(curl("http://good.example/")),
    allowNet: [],
    mayReach: () => new Promise((resolve) => setTimeout(resolve, 6000, true)),
  }).output();
  seen.slowly = stdout;
}

/** It is ended while the question is open. */
async function aborted(): Promise<void> {
  const abort = new AbortController();
  seen.aborted = await errorOf(() =>
    run({
      host: true,
      args: sh(curl("http://good.example/")),
      allowNet: [],
      signal: abort.signal,
      mayReach: () => {
        abort.abort("enough");
        return new Promise(() => undefined);
      },
    }).output(),
  );
}

async function many(): Promise<void> {
  const outcomes = await Promise.all(
    Array.from({ length: Number(count) }, async (_, i) => {
      const heard: string[] = [];
      await run({
        host: true,
        args: sh(`getent hosts ${i}.other.example`),
        allowNet: "good.example",
        onNetwork: (event) => heard.push(word(event)),
      }).wait();
      return heard.join() === `dns refused ${i}.other.example`;
    }),
  );
  seen.many = outcomes.every((outcome) => outcome);
}

async function errors(): Promise<void> {
  const base = { host: true, args: ["true"] } as const;
  seen.errors = [
    // @ts-expect-error: no names are allowed that could be told.
    await errorOf(() => run({ ...base, onNetwork: () => undefined })),
    await errorOf(() => run({ ...base, allowNet: [], mayReach: true as never })),
    await errorOf(async () => (await run(base)).audit()),
    // @ts-expect-error: a network by names is one of its own.
    await errorOf(() => run({ ...base, allowNet: [], network: "host" })),
  ];
  const { stdout } = await run({ host: true, args: ["ls", "/sys/class/net"], allowNet: [] }).output();
  seen.empty = stdout;
}

await Promise.all([events(), questions(), aborted(), ...(process.getuid?.() === 0 ? [] : [slowly()])]);
await errors();
await many();
console.log(JSON.stringify(seen));
