/** Fields of `mounts`, `root` and of what a container is called. */
import { chownSync } from "node:fs";
import { ownedDir } from "../support/caller.ts";
import type { Sandbox } from "../support/sandbox.ts";
import { mapManyIds, type TestMount, type TestSpec } from "../support/spec.ts";
import { type Case, expectOutput, inside, under } from "./case.ts";
import { cgroup2 } from "./machine.ts";

const tmpfs = (destination: string, ...options: string[]): TestMount => ({
  destination,
  type: "tmpfs",
  source: "tmpfs",
  options,
});

const bind = (destination: string, source: string, ...options: string[]): TestMount => ({
  destination,
  type: "bind",
  source,
  options,
});

/** A directory of the caller's with a file in it. */
function data(box: Sandbox): string {
  const dir = ownedDir(box.subject.caller, `${box.dir}/data`);
  box.file("data/file", "from outside\n");
  return dir;
}

/** Prints the mount's flags, what it propagates, and the flags of its file system. */
const info = (path: string): string => `grep ' ${path} ' /proc/self/mountinfo | tail -n 1 |
  sed 's/^[^ ]* [^ ]* [^ ]* [^ ]* [^ ]* \\([^ ]*\\) \\(.*\\)- [^ ]* [^ ]* /\\1|\\2|/'`;

/** A file system of a type, and how one sees that it is that. */
function type(
  name: string,
  mount: TestMount,
  script: string,
  expected: string,
  more: Partial<Case> = {},
): Case {
  return inside(
    `type ${name}`,
    under("mounts[]", "type destination"),
    (spec) => {
      spec.mounts = spec.mounts.filter(({ destination }) => destination !== mount.destination);
      spec.mounts.push(mount);
    },
    script,
    expected,
    more,
  );
}

const typeOf = (path: string): string =>
  `awk '$5 == "${path}" { for (i = 7; $i != "-"; i++); type = $(i + 1) } END { print type }' /proc/self/mountinfo`;

const overlay: Case = {
  name: "type overlay, with directories in its options",
  fields: under("mounts[]", "type source options[]"),
  run: async (box) => {
    for (const name of ["lower", "upper", "work"]) ownedDir(box.subject.caller, `${box.dir}/${name}`);
    box.file("lower/below", "below\n");
    const [lower, upper, work] = ["lower", "upper", "work"].map((name) => `${box.dir}/${name}`);
    const options = [`lowerdir=${lower}`, `upperdir=${upper}`, `workdir=${work}`];
    const outcome = await box.sh("cat /mnt/below; echo new >/mnt/new; rm /mnt/below; ls /mnt", (spec) => {
      spec.mounts.push({ destination: "/mnt", type: "overlay", source: "overlay", options });
    });
    expectOutput(outcome, "below\nnew\n");
  },
};

/** Options of a new tmpfs, by kind, and what of "flags|propagation|file system" has to fit. */
const OPTIONS: Readonly<Record<string, readonly (readonly [options: string, expected: RegExp])[]>> = {
  flags: [
    ["ro", /^ro[,|]/],
    ["ro rw", /^rw[,|]/],
    ["nosuid", /^rw,nosuid[,|]/],
    ["nosuid suid", /^rw,relatime\|/],
    ["nodev", /^[^|]*,nodev[,|]/],
    ["nodev dev", /^(?![^|]*nodev)/],
    ["noexec", /^[^|]*,noexec[,|]/],
    ["noexec exec", /^(?![^|]*noexec)/],
  ],
  "access times": [
    ["noatime", /^[^|]*,noatime[,|]/],
    ["noatime atime", /^(?![^|]*noatime)/],
    ["nodiratime", /^[^|]*,nodiratime[,|]/],
    ["nodiratime diratime", /^(?![^|]*nodiratime)/],
    ["relatime", /^[^|]*,relatime[,|]/],
    ["strictatime", /^(?![^|]*(relatime|noatime))/],
    ["strictatime nostrictatime", /^[^|]*,relatime[,|]/],
    ["norelatime", /^rw/],
  ],
  "options of the file system": [
    ["sync", /\|[^|]*\|rw,sync/],
    ["sync async", /\|[^|]*\|(?!.*sync)/],
    ["dirsync", /\|[^|]*\|rw,dirsync/],
    ["lazytime", /\|[^|]*\|rw,lazytime/],
    ["lazytime nolazytime", /\|[^|]*\|(?!.*lazytime)/],
    ["size=64k mode=711", /\|rw,.*size=64k,.*mode=711/],
  ],
  "options without an effect": [
    ["defaults", /^rw/],
    ["mand nomand", /^rw/],
    ["iversion noiversion", /^rw/],
    ["silent loud", /^rw/],
  ],
  "private propagation": [
    ["private", /^[^|]*\|\|/],
    ["rprivate", /^[^|]*\|\|/],
    ["slave", /^[^|]*\|\|/],
    ["rslave", /^[^|]*\|\|/],
  ],
  "shared and unbindable propagation": [
    ["shared", /^[^|]*\|shared:\d+ \|/],
    ["rshared", /^[^|]*\|shared:\d+ \|/],
    ["unbindable", /^[^|]*\|unbindable \|/],
    ["runbindable", /^[^|]*\|unbindable \|/],
  ],
};

const DIFFERENCES: Readonly<Record<string, Record<string, string>>> = {
  flags: { crun: "an option does not take back what an earlier one has set" },
  "access times": { crun: "an option does not take back what an earlier one has set" },
  "options of the file system": { crun: "an option does not take back what an earlier one has set" },
  "options without an effect": {
    crun: "iversion, silent and their opposites go to the file system, which refuses them",
    runc: "defaults goes to the file system, which refuses it",
  },
  "shared and unbindable propagation": {
    crun: "a new file system does not get the propagation, only a bind mount",
  },
};

const flags = Object.entries(OPTIONS).map(
  ([kind, list]): Case => ({
    name: `${kind} of a tmpfs: ${list.map(([options]) => options).join("; ")}`,
    fields: ["mounts[].options[]"],
    differs: DIFFERENCES[kind] ?? {},
    run: async (box) => {
      const script = list.map((_, i) => info(`/mnt/${i}`)).join("\n");
      const outcome = await box.sh(script, (spec) => {
        for (const [i, [options]] of list.entries())
          spec.mounts.push(tmpfs(`/mnt/${i}`, ...options.split(" ")));
      });
      const lines = outcome.stdout.split("\n");
      for (const [i, [options, expected]] of list.entries()) {
        try {
          expectOutput({ ...outcome, stdout: lines[i] ?? "" }, expected);
        } catch (error) {
          throw new Error(`${options}: ${(error as Error).message}`);
        }
      }
    },
  }),
);

/** Options of a recursive bind mount of a directory that has a mount below it: flags of both. */
const RECURSIVE: readonly (readonly [options: string, flag: string, has: boolean])[] = [
  ["rro", "ro", true],
  ["ro rro rrw", "rw", true],
  ["rnosuid", "nosuid", true],
  ["rnodev", "nodev", true],
  ["rnoexec", "noexec", true],
  ["rnoatime", "noatime", true],
  ["rnodiratime", "nodiratime", true],
  ["rnosymfollow", "nosymfollow", true],
];

const RECURSIVE_DIFFERENCES: Readonly<Record<string, Record<string, string>>> = {
  "ro rro rrw": {
    crun: "an option does not take back what an earlier one has set",
    "runc 1.1": "an option does not take back what an earlier one has set",
  },
  rnoatime: { crun: "asks for it in a way that mount_setattr(2) refuses" },
  rnodiratime: { crun: "asks for it in a way that mount_setattr(2) refuses" },
  rnosymfollow: { crun: "takes the option and does nothing" },
};

const recursive = RECURSIVE.map(([options, flag, has]) =>
  inside(
    `bind options rbind ${options}`,
    ["mounts[].options[]"],
    (spec) => {
      // In the container's own tree, where the flags of no mount are locked.
      spec.mounts.push(tmpfs("/outer", "mode=755"), tmpfs("/outer/inner", "mode=755"));
      spec.mounts.push(bind("/mnt", "rootfs/outer", "rbind", ...options.split(" ")));
    },
    `for m in /mnt /mnt/inner; do case ",$(grep " $m " /proc/self/mountinfo | tail -n 1 | cut -d' ' -f6)," in
      *,${flag},*) echo yes ;; *) echo no ;; esac; done`,
    has ? "yes\nyes\n" : "no\nno\n",
    { differs: RECURSIVE_DIFFERENCES[options] ?? {} },
  ),
);

const mappings = [{ containerID: 0, hostID: 5000, size: 10 }];

/** A bind mount with ids of its own. */
function idmapped(
  name: string,
  fields: string[],
  edit: (spec: TestSpec, mount: TestMount) => void,
  expected: string,
): Case {
  return {
    name,
    fields,
    only: "root",
    differs: { "runc 1.1": "is older than the field" },
    run: async (box) => {
      const source = data(box);
      chownSync(`${source}/file`, 3, 4);
      const bundle = box.bundle((spec) => {
        const mount = bind("/mnt", source, "bind");
        edit(spec, mount);
        spec.mounts.push(mount);
        spec.process.args = ["/bin/stat", "-c", "%u:%g", "/mnt/file"];
      });
      expectOutput(await box.call(["run", "--bundle", bundle, box.name()]), expected);
    },
  };
}

const ids = (name: string): string[] => under(`mounts[].${name}[]`, "containerID hostID size");

/** Counts cgroup directories that are mounted; says whether one below can be made. */
const CGROUPS = `ls -d /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/cgroup.procs 2>/dev/null | wc -l |
    sed 's/[1-9][0-9]*/some/'
  for d in /sys/fs/cgroup/pids /sys/fs/cgroup; do
    test -e $d/cgroup.procs && { mkdir $d/below 2>/dev/null && rmdir $d/below && echo writable || echo read-only; break; }
  done`;

/** A cgroup mount: read-only or not, in a cgroup namespace of its own or not. */
function cgroup(name: string, option: "ro" | "rw", namespace: boolean, expected: string): Case {
  return inside(
    `type cgroup, ${name}`,
    under("mounts[]", "type options[]"),
    (spec) => {
      spec.mounts = spec.mounts.filter((mount) => mount.type !== "cgroup");
      const options = ["nosuid", "noexec", "nodev", option];
      spec.mounts.push({ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options });
      if (!namespace) spec.linux.namespaces = spec.linux.namespaces.filter(({ type: t }) => t !== "cgroup");
    },
    CGROUPS,
    expected,
    {
      ...(cgroup2 && option === "ro" ? {} : { only: "root" as const }),
      // Without a cgroup of its own it would write to the caller's.
      lacks: ({ runtime }) =>
        option === "rw" && runtime === "crun" && !cgroup2 ? "crun needs cgroup v2 alone" : undefined,
    },
  );
}

const cgroups: readonly Case[] = [
  cgroup("read-only", "ro", true, "some\nread-only\n"),
  cgroup("read-only and without a cgroup namespace", "ro", false, "some\nread-only\n"),
  cgroup("writable", "rw", true, "some\nwritable\n"),
];

export const mountCases: readonly Case[] = [
  inside(
    "a bind mount of a directory",
    under("mounts[]", "destination type source options[]"),
    (spec, box) => {
      spec.mounts.push(bind("/mnt/made/for it", data(box), "bind"));
    },
    "cat '/mnt/made/for it/file'; echo changed >'/mnt/made/for it/file' && cat '/mnt/made/for it/file'",
    "from outside\nchanged\n",
  ),
  inside(
    "a bind mount of a file, read-only, over a symbolic link",
    under("mounts[]", "destination source options[]"),
    (spec, box) => {
      spec.mounts.push(bind("/etc/linked", `${data(box)}/file`, "bind", "ro"));
    },
    "cat /etc/linked; echo x 2>/dev/null >/etc/linked || echo refused",
    "from outside\nrefused\n",
  ),
  inside(
    "a relative source is below the bundle",
    ["mounts[].source"],
    (spec) => {
      spec.mounts.push(bind("/mnt", "rootfs/etc", "bind"));
    },
    "head -n 1 /mnt/hosts",
    "127.0.0.1 localhost\n",
  ),
  inside(
    "later mounts cover earlier ones",
    ["mounts[].destination"],
    (spec) => {
      spec.mounts.push(tmpfs("/mnt", "mode=700"), tmpfs("/mnt/inner"), tmpfs("/mnt", "mode=711"));
    },
    "stat -c %a /mnt; ls /mnt",
    "711\n",
    { differs: { "runc 1.1": "gives a tmpfs the mode of what it covers, whatever its options say" } },
  ),
  type("proc", { destination: "/proc", type: "proc", source: "proc" }, typeOf("/proc"), "proc\n"),
  inside(
    "options of proc, as part of its own mount",
    ["mounts[].options[]"],
    (spec) => {
      spec.mounts.push({
        destination: "/mnt",
        type: "proc",
        source: "proc",
        options: ["nosuid", "hidepid=2"],
      });
    },
    info("/mnt"),
    /^rw,nosuid,.*hidepid=(2|invisible)/,
  ),
  type("tmpfs", tmpfs("/mnt", "size=4k"), typeOf("/mnt"), "tmpfs\n"),
  type(
    "devpts",
    { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=0666"] },
    `${typeOf("/dev/pts")}; ls /dev/pts`,
    "devpts\nptmx\n",
  ),
  type(
    "mqueue",
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue" },
    typeOf("/dev/mqueue"),
    "mqueue\n",
  ),
  type(
    "sysfs, of the container's network namespace or bound from the host",
    { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
    `${typeOf("/sys")}; test -d /sys/class/net/lo && touch /sys/x 2>/dev/null || echo read-only`,
    "sysfs\nread-only\n",
    { differs: { runc: "does not bind the host's where the kernel refuses a new one" } },
  ),
  ...cgroups,
  overlay,
  ...flags,
  ...recursive,
  idmapped(
    "a mount's own mappings",
    [...ids("uidMappings"), ...ids("gidMappings")],
    (_spec, mount) => Object.assign(mount, { uidMappings: mappings, gidMappings: mappings }),
    "5003:5004\n",
  ),
  idmapped(
    "idmap with the container's user namespace",
    ["mounts[].options[]"],
    (spec, mount) => {
      mapManyIds(spec, { name: "root", user: "root", uid: 0, gid: 0, home: "/", prefix: [] });
      mount.options!.push("idmap");
    },
    "3:4\n",
  ),
  {
    name: "tmpcopyup fills a tmpfs with what it covers",
    fields: ["mounts[].options[]"],
    run: async (box) => {
      const outcome = await box.sh(
        "head -n 1 /etc/hosts; touch /etc/new; grep -c ' /etc ' /proc/self/mountinfo",
        (spec) => {
          spec.mounts.push(tmpfs("/etc", "tmpcopyup"));
        },
      );
      expectOutput(outcome, "127.0.0.1 localhost\n1\n");
    },
  },
];
