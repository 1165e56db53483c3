/** A program that keeps, looks at and takes over changes, and runs fifty sandboxes at once: prints what it saw as JSON. */
import { readFileSync, writeFileSync } from "node:fs";
import { AbortError, BrunError, keptChanges, run } from "brun";

const [directory = "", rootfs = ""] = process.argv.slice(2);
process.env.XDG_DATA_HOME = `${directory}-data`;
const seen: Record<string, unknown> = {};
const short = (path: string) => path.replace(`${directory}/`, "");
const codeOf = async (action: () => unknown) => {
  try {
    await action();
    return "none";
  } catch (error) {
    if (error instanceof BrunError || error instanceof AbortError) return error.code;
    throw error;
  }
};

writeFileSync(`${directory}/a`, "one\n");
writeFileSync(`${directory}/b`, "one\n");
writeFileSync(`${directory}/gone`, "one\n");
const script = "echo two >>a; echo two >>b; rm gone; mkdir -p d; echo new >d/-e; echo unseen >x";
await using container = await run({
  host: true,
  keep: "try",
  workdir: directory,
  args: ["sh", "-c", script],
});
await container.wait();
const changes = await container.changes.diff();
seen.diff = changes.map(({ kind, path, differs, is }) => [kind, short(path), differs ?? [], is?.type ?? ""]);
seen.untouched = readFileSync(`${directory}/a`, "utf8");
seen.patch = (await container.changes.patch({ paths: [`${directory}/a`] })).split("\n").slice(-2);
writeFileSync(`${directory}/b`, "mine\n");
const kept = keptChanges("try");
const applied = await kept.apply({ paths: ["a", "b", "gone", "d"].map((path) => `${directory}/${path}`) });
seen.applied = applied.map(({ path, left }) => [short(path), left === null ? "" : left.conflict]).sort();
seen.forced = (await kept.apply({ paths: [`${directory}/b`], force: true })).map(({ left }) => left);
seen.now = ["a", "b", "d/-e"].map((path) => readFileSync(`${directory}/${path}`, "utf8"));
seen.left = (await kept.diff()).map(({ path }) => short(path));
await kept.discard();
seen.discarded = await codeOf(() => kept.diff());
const other = await run({ host: true, args: ["true"] });
seen.withoutKeep = await codeOf(() => other.changes);
await other.wait();
seen.noName = await codeOf(() => keptChanges(""));
seen.nulInPath = await codeOf(() => kept.diff({ paths: ["a\0"] }));
seen.aborted = await codeOf(() => kept.diff({ signal: AbortSignal.abort("no") }));

// Files of other ids, in a directory that is closed to this program.
const owned = {
  rootfs,
  keep: "ids",
  args: ["sh", "-c", "mkdir -p /srv/in && echo x >/srv/in/f && chown -R 1 /srv && chmod 700 /srv"],
};
const made = await run(owned).output();
seen.ids = [made.exitCode, made.stderr];
const ids = keptChanges("ids");
seen.idsDiff = (await ids.diff()).map(({ kind, path }) => `${kind} ${path}`);
await ids.discard();
seen.idsDiscarded = await codeOf(() => ids.diff());

const outcomes = await Promise.all(
  Array.from({ length: 50 }, async (_, i) => {
    const late = i % 10 === 9;
    const signal = late ? AbortSignal.timeout(300) : undefined;
    try {
      const args = late ? ["sleep", "1000"] : ["sh", "-c", `echo ${i} >/made; cat /made`];
      return (await run({ rootfs, args, signal, fakeRoot: process.getuid!() !== 0 }).output()).stdout.trim();
    } catch (error) {
      if (error instanceof AbortError) return error.code;
      throw error;
    }
  }),
);
seen.fifty = outcomes.every((outcome, i) => outcome === (i % 10 === 9 ? "ERR_TIMEOUT" : `${i}`)) || outcomes;
console.log(JSON.stringify(seen));
