/** brun beside crun and runc: the same bundle looks the same from inside, but for differences listed here. */
import { describe, expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import { ALL_RUNTIMES, type Subject, subjects } from "./support/runtime.ts";
import { Sandbox } from "./support/sandbox.ts";
import { mapManyIds, type TestSpec } from "./support/spec.ts";

const NAMESPACES = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

const PROBES: Record<string, string> = {
  mounts: "cat /proc/self/mountinfo",
  status: "cat /proc/self/status",
  limits: "cat /proc/self/limits",
  namespaces: NAMESPACES.map((name) => `readlink /proc/self/ns/${name}`).join("; "),
  devices: "cd /dev; for d in *; do stat -c '%n %F %t:%T %a' $d; done",
  links: "cd /dev; for d in fd stdin stdout stderr ptmx; do readlink $d; done",
  process:
    "pwd; umask; hostname; env | sort; cat /proc/self/oom_score_adj /proc/self/setgroups; id -u; id -g",
  first: "tr '\\0' ' ' </proc/1/cmdline; readlink /proc/1/exe; readlink /proc/1/root; ls /proc/1/fd",
};

/** What a process inside says of itself, by section. */
async function look(subject: Subject, edit: (spec: TestSpec) => void): Promise<Record<string, string>> {
  await using box = new Sandbox(subject);
  const script = Object.entries(PROBES).map(([name, command]) => `echo "## ${name}"; (${command})`);
  const { stdout, code, stderr } = await box.sh(script.join("\n"), (spec) => {
    spec.process.env = spec.process.env.filter((text) => !text.includes(box.dir));
    spec.hostname = "same";
    edit(spec);
  });
  if (code !== 0) throw new Error(`${subject.label}: ${code}: ${stderr}`);
  const sections = stdout.split(/^## /m).slice(1);
  return Object.fromEntries(
    sections.map((text) => [text.slice(0, text.indexOf("\n")), text.slice(text.indexOf("\n") + 1)]),
  );
}

/** The fields of /proc/self/status that a runtime decides. */
function status(text: string): string[] {
  const fields = /^(Umask|Uid|Gid|Cap...|NoNewPrivs|Seccomp|SigBlk|SigIgn|CoreDumping):/;
  return text.split("\n").filter((line) => fields.test(line));
}

function namespaces(text: string): string[] {
  return text
    .trim()
    .split("\n")
    .map(
      (link, i) =>
        `${NAMESPACES[i]} ${link === readlinkSync(`/proc/self/ns/${NAMESPACES[i]}`) ? "host" : "new"}`,
    );
}

/** Files that crun adds, and the terminal's, left out. */
function devices(text: string): string[] {
  return text.split("\n").filter((line) => line !== "" && !/^(core|console) /.test(line));
}

/**
 * Mount point, type and flags of each mount, sorted. Left out are the cgroup file systems, which differ by the
 * view that crun needs, and what runtimes are free to choose: crun adds nosuid and noexec to bound devices, and
 * how a path is masked is nobody's business as long as it is.
 */
function mounts(text: string): string[] {
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const [before, after] = line.split(" - ");
      const [target, options] = before!.split(" ").slice(4);
      const device = /^\/dev\/(null|zero|full|random|urandom|tty)$/.test(target!);
      const masked =
        /^\/proc\/(acpi|asound|kcore|keys|latency_stats|timer_\w+|scsi|sched_debug)$|^\/sys\/firmware$/;
      if (masked.test(target!)) return `${target} masked`;
      // What is mounted below the host's /sys, as tracefs: brun makes it read-only too.
      if (target!.startsWith("/sys/")) return `${target} ${after!.split(" ")[0]}`;
      return `${target} ${after!.split(" ")[0]} ${device ? "device" : options}`;
    })
    .filter((line) => !line.startsWith("/sys/fs/cgroup"))
    .sort();
}

const IDS: [string, (subject: Subject) => (spec: TestSpec) => void][] = [
  ["the default ids", () => () => undefined],
  ["65,536 ids", (subject) => (spec) => mapManyIds(spec, subject.caller)],
];

for (const subject of subjects(["brun"])) {
  for (const peer of subjects(ALL_RUNTIMES).filter(
    (s) => s.caller.name === subject.caller.name && s.runtime !== "brun",
  )) {
    describe.skipIf(peer.unavailable !== undefined)(`brun and ${peer.label}`, () => {
      for (const [name, edit] of IDS) {
        test(`with ${name}`, async () => {
          const [ours, theirs] = [await look(subject, edit(subject)), await look(peer, edit(peer))];
          expect(namespaces(ours.namespaces!)).toEqual(namespaces(theirs.namespaces!));
          expect(status(ours.status!)).toEqual(status(theirs.status!));
          expect(ours.limits).toBe(theirs.limits!);
          expect(devices(ours.devices!)).toEqual(devices(theirs.devices!));
          expect(ours.links).toBe(theirs.links!);
          expect(mounts(ours.mounts!)).toEqual(mounts(theirs.mounts!));
          expect(ours.process).toBe(theirs.process!);
          expect(ours.first).toBe(theirs.first!);
        });
      }
    });
  }
}
