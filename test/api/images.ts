/**
 * A program that gets, writes and runs images by the TypeScript API, for test/image-api.test.ts, in Bun and in Node.
 *   usage: images.ts BRUN STATE ACTION JSON
 */
import { BrunError, images, pull, push, run } from "brun";

const [brun, root, action, json] = process.argv.slice(2) as [string, string, string, string];
const base = { brun, root };
const asked = JSON.parse(json);

/** What an error is, in the fields that a program has of it. */
function told(error: unknown): object {
  if (!(error instanceof BrunError)) return { name: String(error) };
  const { name, code, message, hint } = error;
  return { name, code, message, hint };
}

/** The kinds of events that came, without repetition, and whether bytes only grew. */
function collector() {
  const kinds = new Set<string>();
  const bytes = new Map<string, number>();
  let grows = true;
  let name: string | null = null;
  return {
    onProgress(event: {
      type: string;
      doing?: string;
      name?: string;
      state?: string;
      digest?: string;
      bytes?: number;
    }) {
      if (event.type === "image") name = `${event.doing} ${event.name}`;
      else kinds.add(event.state!);
      const key = `${event.digest} ${event.state}`;
      if ((event.bytes ?? 0) < (bytes.get(key) ?? 0)) grows = false;
      bytes.set(key, event.bytes ?? 0);
    },
    seen: () => [name, [...kinds].sort(), grows],
  };
}

/** All that works. */
async function works({
  image,
  copy,
  unused,
}: {
  image: string;
  copy: string;
  unused: string;
}): Promise<object> {
  const pulling = collector();
  const digest = await pull(image, { ...base, onProgress: pulling.onProgress });
  const again = await pull(image, { ...base, policy: "missing" });
  const [stored] = await images(base);
  const pushing = collector();
  const pushed = await push(image, copy, { ...base, format: "v2s2", onProgress: pushing.onProgress });
  const running = collector();
  const { stdout } = await run({
    ...base,
    image: copy,
    args: ["cat", "/etc/motd"],
    onProgress: running.onProgress,
  }).output();
  const quiet = collector();
  await run({ ...base, image, args: ["true"], onProgress: quiet.onProgress }).output();
  const never = await run({ ...base, image: unused, pull: "never" }).catch(told);
  return {
    ids: [digest === again, digest === stored?.manifest, stored?.name, /^sha256:/.test(pushed)],
    pulling: pulling.seen(),
    pushing: pushing.seen(),
    running: running.seen(),
    quiet: quiet.seen(),
    stdout,
    never,
  };
}

/** A login for one call. */
async function logsIn({ image, copy }: { image: string; copy: string }): Promise<object> {
  const creds = { username: "me", password: "secret" };
  const without = await pull(image, base).catch(told);
  const wrong = await pull(image, { ...base, creds: { ...creds, password: "other" } }).catch(told);
  const text = await run({ ...base, image, creds: "me:secret" as never }).catch(told);
  const { stdout } = await run({ ...base, image, creds, pull: "newer", args: ["cat", "/etc/motd"] }).output();
  const pulled = await pull(image, { ...base, creds });
  const pushed = await push(image, copy, { ...base, creds });
  return { without, wrong, text, stdout, same: pulled === pushed };
}

/** What is aborted while it is under way. */
async function aborts({ image }: { image: string }): Promise<object> {
  const attempts = {
    pull: (signal: AbortSignal, onProgress: () => void) => pull(image, { ...base, signal, onProgress }),
    run: (signal: AbortSignal, onProgress: () => void) => run({ ...base, image, signal, onProgress }),
  };
  const seen: Record<string, unknown> = {};
  for (const [name, attempt] of Object.entries(attempts)) {
    const controller = new AbortController();
    const begun = Date.now();
    // As soon as the first event has come.
    const error = await attempt(controller.signal, () => controller.abort(new Error("enough"))).then(
      () => "done",
      told,
    );
    seen[name] = [error, Date.now() - begun < 20_000];
  }
  return seen;
}

/** What fails, each in its way: names and options of pulls. */
async function fails(list: readonly (readonly [string, object])[]): Promise<object> {
  const seen: object[] = [];
  for (const [name, options] of list) {
    seen.push(await pull(name, { ...base, ...options }).then(() => ({ code: "none" }), told));
  }
  return seen;
}

const actions: Readonly<Record<string, (asked: never) => Promise<object>>> = {
  works,
  logsIn,
  aborts,
  fails,
};
console.log(JSON.stringify(await actions[action]!(asked as never)));
