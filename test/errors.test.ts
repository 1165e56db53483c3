/** docs/errors.md: each failure there is made to happen, and the line that brun prints is the documented one. */
import { expect, test } from "bun:test";
import { chownSync, readFileSync, writeFileSync } from "node:fs";
import { attacker, install } from "./security/support.ts";
import { isRoot, ownedDir, subordinateRange } from "./support/caller.ts";
import { HAS_FRONT } from "./support/front.ts";
import { IMAGE_FAILURES } from "./support/image-failures.ts";
import { until } from "./support/processes.ts";
import { subjects } from "./support/runtime.ts";
import { type CallOptions, type Outcome, Sandbox } from "./support/sandbox.ts";
import { mapManyIds, type TestSpec } from "./support/spec.ts";
import { brunPath } from "./support/workspace.ts";

const subject = subjects(["brun"]).find(({ caller }) => caller.name === "user")!;
const { caller } = subject;

type Make = (box: Sandbox) => Promise<Outcome>;

/** `run` of a container after a change to a good config. */
const run =
  (edit: (spec: TestSpec) => void, options: CallOptions = {}, flags: readonly string[] = []): Make =>
  (box) =>
    box.call(["run", ...flags, "--bundle", box.bundle(edit), box.name()], options);

/** brun as the caller, started by a program that changes something first. */
async function under(box: Sandbox, wrapper: readonly string[], args: readonly string[]): Promise<Outcome> {
  const argv = [...caller.prefix, ...wrapper, brunPath(), "--root", box.state, ...args];
  const child = Bun.spawn(argv, {
    cwd: box.dir,
    env: { ...box.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, signal: child.signalCode, stdout, stderr };
}

const bind = (source: string, ...options: string[]) => ({
  destination: "/mnt",
  type: "bind",
  source,
  options: ["bind", ...options],
});
const hook = (script: string, timeout?: number) => ({
  createRuntime: [
    { path: "/bin/sh", args: ["sh", "-c", script], ...(timeout === undefined ? {} : { timeout }) },
  ],
});
const without = (spec: TestSpec, type: string) => {
  spec.linux.namespaces = spec.linux.namespaces.filter((namespace) => namespace.type !== type);
};
const args = (...words: string[]) =>
  run((spec) => {
    spec.process.args = words;
  });

/** What needs root to be made to happen: files of the host are replaced. */
const ROOT_ONLY = new Set<Make>();

function withHostFile(
  target: string,
  file: (box: Sandbox) => string | Promise<string>,
  edit: (spec: TestSpec) => void,
): Make {
  return rootOnly(async (box) => run(edit, { binds: { [await file(box)]: target } })(box));
}

function rootOnly(make: Make): Make {
  ROOT_ONLY.add(make);
  return make;
}

const FAILURES: Readonly<Record<string, Make>> = {
  "There is no config.json": async (box) =>
    box.call(["run", "--bundle", box.file("bundle", "").replace(/bundle$/, ""), "x"]),
  "config.json is no JSON": async (box) => {
    const bundle = box.bundle();
    await Bun.write(`${bundle}/config.json`, '{\n  "ociVersion": "1.0.2",\n  "process": {,\n}');
    return box.call(["run", "--bundle", bundle, "x"]);
  },
  "The bundle's path is not UTF-8": async (box) => {
    const inCopy = 'd=$(printf "b\\377"); cp -r "$1" "$d"; cd "$d"; shift; exec "$@"';
    return under(box, ["sh", "-c", inCopy, "sh", box.bundle()], ["run", "x"]);
  },
  "A field has the wrong type": run((spec) => Object.assign(spec.process, { args: "sh" })),
  "The root file system is missing": run((spec) => {
    spec.root.path = "nowhere";
  }),
  "The program is not in PATH": args("nosuchprogram"),
  "The program does not exist": args("/no/such/program"),
  "The program may not be executed": args("/etc/passwd"),
  "The working directory is no directory": run((spec) => {
    spec.process.cwd = "/etc/passwd";
  }),
  "The id is taken": async (box) => {
    const bundle = box.bundle();
    await box.ok(["create", "--bundle", bundle, "web"]);
    return box.call(["run", "--bundle", bundle, "web"]);
  },
  "The id is no id": async (box) => box.call(["run", "--bundle", box.bundle(), "a/b"]),
  "There is no such container": async (box) => box.call(["state", "web"]),
  "The container was started before": async (box) => box.call(["start", await box.detached()]),
  "The container still runs": async (box) => box.call(["delete", await box.detached()]),
  "The container has stopped": async (box) => {
    const id = box.name();
    await box.ok(["run", "--detach", "--keep", "--bundle", box.bundle(), id]).catch(() => undefined);
    await box.untilStatus(id, "stopped");
    return box.call(["exec", id, "true"]);
  },
  "A bind mount's source is missing": run((spec) => void spec.mounts.push(bind("/no/such/file"))),
  "The container's root may not reach a bind mount's source": run(
    (spec) => void spec.mounts.push(bind("/root/x")),
  ),
  "A bind mount with an option that there is not": run(
    (spec) => void spec.mounts.push(bind("/etc", "readonly")),
  ),
  "A file system that only root may mount": run(
    (spec) => void spec.mounts.push({ destination: "/mnt", type: "ext4", source: "/dev/sda1" }),
  ),
  "The arguments are too long": args("/bin/true", "x".repeat(200_000)),
  "The program's interpreter is missing": async (box) => {
    const bundle = box.bundle((spec) => {
      spec.process.args = ["/bin/script"];
    });
    writeFileSync(`${bundle}/rootfs/bin/script`, "#!/usr/bin/perl\n", { mode: 0o755 });
    return box.call(["run", "--bundle", bundle, "x"]);
  },
  "The kernel does not know a file system": run(
    (spec) => void spec.mounts.push({ destination: "/mnt", type: "nosuchfs", source: "none" }),
  ),
  "The user is not mapped": run((spec) => {
    spec.process.user.uid = 1000;
  }),
  "Supplementary groups with one id": run((spec) => {
    spec.process.user.additionalGids = [50];
  }),
  "The ids are not the caller's": run((spec) => {
    mapManyIds(spec, caller);
    spec.linux.uidMappings![1]!.hostID = 900000;
  }),
  "Mappings overlap": run((spec) => {
    spec.linux.uidMappings!.push({ containerID: 0, hostID: 100000, size: 10 });
  }),
  "newuidmap is not installed": withHostFile(
    "/usr/bin/newuidmap",
    () => "/dev/null",
    (spec) => mapManyIds(spec, caller),
  ),
  "newuidmap has no privilege": withHostFile(
    "/usr/bin/newuidmap",
    async (box) => {
      const path = box.file(
        "newuidmap",
        '#!/bin/sh\necho "newuidmap: write to uid_map failed: Operation not permitted" >&2\nexit 1\n',
        0o755,
      );
      chownSync(path, 0, 0);
      return path;
    },
    (spec) => mapManyIds(spec, caller),
  ),
  "no_new_privs is set": async (box) =>
    under(
      box,
      ["setpriv", "--no-new-privs"],
      ["run", "--bundle", box.bundle((spec) => mapManyIds(spec, caller)), "x"],
    ),
  "User namespaces are switched off": async (box) => {
    const bundle = box.bundle((spec) => {
      spec.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 1 }];
      spec.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 1 }];
    });
    const script = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"';
    const wrapper = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"];
    return under(box, wrapper, ["run", "--bundle", bundle, "x"]);
  },
  "An outer container masks /proc": rootOnly(async (box) => {
    const binds = { [box.file("version", "")]: "/proc/version" };
    return box.call(["run", "--proc=mount", "--bundle", box.bundle(), box.name()], { binds });
  }),
  "A hook fails": run((spec) => {
    spec.hooks = hook("echo no database >&2; exit 3");
  }),
  "A hook takes too long": run((spec) => {
    spec.hooks = hook("sleep 100", 1);
  }),
  "A terminal for a detached container": run(
    (spec) => {
      spec.process.terminal = true;
    },
    {},
    ["--detach"],
  ),
  "A limit that cannot be set": run((spec) => {
    spec.linux.resources = { memory: { limit: 1 << 26 } };
  }),
  "A sysctl of the host": run((spec) => {
    spec.linux.sysctl = { "vm.swappiness": "1" };
  }),
  "A host name without a namespace for it": run((spec) => without(spec, "uts")),
  "A namespace to join is not there": run((spec) => {
    spec.linux.namespaces.find(({ type }) => type === "ipc")!.path = "/proc/1/ns/nope";
  }),
  "An unknown seccomp action": run((spec) => {
    spec.linux.seccomp = { defaultAction: "SCMP_ACT_SHRUG" };
  }),
  "There is no room for a further keyring": async (box) => {
    // Of whose keys no other test takes any.
    const edit = (spec: TestSpec) => {
      mapManyIds(spec, caller);
      const hostID = subordinateRange(caller, "/etc/subuid")[0] + 50_000;
      spec.linux.uidMappings = [{ containerID: 0, hostID, size: 1000 }];
    };
    const bundle = box.bundle((spec) => {
      edit(spec);
      spec.process.args = ["/bin/probe", "fill"];
    });
    install(box, bundle, "probe");
    const id = box.name();
    const filler = box.spawn(["run", "--bundle", bundle, id]);
    await until("the quota to be spent", () => filler.stdout() !== "");
    // Who has no session keyring yet gets one above the quota.
    const around = [attacker("probe"), "add", "brun-test"];
    const outcome = await run(edit, { around })(box);
    await box.ok(["kill", id, "KILL"]);
    await filler.done;
    return outcome;
  },
  "A word before two dashes that may be a name or the program": async (box) =>
    box.call(["run", "--host", "env", "--", "x"]),
  "The user is not in the root's /etc/passwd": async (box) =>
    box.call(["run", "--host", "-u", "nobody-at-all", "--", "ls"]),
  "A volume's source does not exist": async (box) =>
    box.call(["run", "--host", "-v", "./none:/x", "--", "ls"]),
  "The file system refuses the options of a tmpfs": async (box) =>
    box.call(["run", "--host", "--tmpfs", "/x:colour=red", "--", "ls"]),
  "The network program is not installed": async (box) =>
    under(box, ["/usr/bin/env", "PATH=/none"], ["run", "--host", "--network", "pasta", "--", "ls"]),
  "The container has no cgroup": async (box) => box.call(["pause", await box.detached()]),
  "A descriptor to hand on is not open": run(() => undefined, {}, ["--preserve-fds", "1"]),
  "The state directory is open to others": async (box) => {
    const argv = [...caller.prefix, brunPath(), "list"];
    const runtimeDir = ownedDir(caller, `${box.dir}/open`, 0o700);
    ownedDir(caller, `${runtimeDir}/brun`, 0o777);
    const child = Bun.spawnSync(argv, { env: { ...box.env, XDG_RUNTIME_DIR: runtimeDir }, stdin: "ignore" });
    return {
      code: child.exitCode,
      signal: null,
      stdout: child.stdout.toString(),
      stderr: child.stderr.toString(),
    };
  },
  "The current directory is gone": async (box) =>
    under(
      box,
      ["sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', "sh"],
      ["run", box.name()],
    ),
  "There is too little address space": async (box) =>
    under(box, ["sh", "-c", 'ulimit -v 300000 && exec "$@"', "sh"], ["list"]),
  "There is no /proc": async (box) =>
    under(box, ["unshare", "-Urm", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"], ["list"]),
  ...IMAGE_FAILURES,
};

/** What Bun ends with itself: the front looks for it before Bun is loaded. */
const BY_FRONT: readonly string[] = [
  "The current directory is gone",
  "There is too little address space",
  "There is no /proc",
];

/** The documented lines by title: what stands in `<…>` differs from case to case. */
function documented(): Map<string, RegExp> {
  const text = readFileSync(`${import.meta.dir}/../docs/errors.md`, "utf8");
  const sections = text.split(/^### /m).slice(1);
  return new Map(
    sections.map((section) => {
      const title = section.slice(0, section.indexOf("\n"));
      const line = /^ {4}(brun: .*)$/m.exec(section)?.[1] ?? "";
      const pattern = line.split(/<[^<>]*>/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      return [title, new RegExp(`^${pattern.join(".+")}$`)];
    }),
  );
}

const lines = documented();

test("every documented failure is made to happen, and every one that is made is documented", () => {
  expect([...lines.keys()].sort()).toEqual(Object.keys(FAILURES).sort());
  expect(lines.size).toBeGreaterThanOrEqual(30);
});

for (const [title, make] of Object.entries(FAILURES)) {
  if (ROOT_ONLY.has(make) && !isRoot) continue; // files of the host can be replaced by root only
  if (BY_FRONT.includes(title) && !HAS_FRONT) continue;
  test(title, async () => {
    await using box = new Sandbox(subject);
    const { code, stdout, stderr } = await make(box);
    const errors = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("brun: warning: "));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(lines.get(title)!);
    expect({ code: code === 0, stdout }).toEqual({ code: false, stdout: "" });
  });
}
