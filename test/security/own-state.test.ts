/**
 * brun's own directories, attacked from containers without a bundle: what is written there would be done by the next
 * brun on the host, and what stands there is the environment of other containers.
 */
import { describe, expect, test } from "bun:test";
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
} from "node:fs";
import { isRoot, ownedDir } from "../support/caller.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { brunPath } from "../support/workspace.ts";

/** Looks for, and writes to, the state at these places, renames what is on the way to it, and makes it anew. */
const attack = (rename: string, ...places: string[]) => `
  for state in ${places.join(" ")}; do
    cat $state/*/state.json $state/*/exec.json 2>/dev/null
    mkdir -p $state/@run; echo evil > $state/@run/00
    for victim in $state/*; do echo evil > $victim/plans; done
    way=$state
    while [ "$way" != / ] && [ "$way" != . ]; do ${rename} $way $way.moved; way=$(dirname $way); done
    mkdir -p $state/@run; echo evil > $state/@run/00
  done 2>/dev/null; true`;

/** rename(2) and nothing else: mv(1) would copy and then remove what --rw gives it. */
const RENAME = "perl -e 'rename $ARGV[0], $ARGV[1]'";

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  /**
   * All that is below a directory, with inode numbers: renaming and making anew changes them. Of cached plans, which each
   * run may add, that none is the attacker's.
   */
  function inventory(directory: string): string[] {
    const plans = existsSync(`${directory}/@run`) ? readdirSync(`${directory}/@run`) : [];
    for (const plan of plans) expect(readFileSync(`${directory}/@run/${plan}`, "latin1")).not.toBe("evil\n");
    return (readdirSync(directory, { recursive: true }) as string[])
      .filter((name) => !/^@run(\/|$)/.test(name))
      .map((name) => `${name} ${lstatSync(`${directory}/${name}`).ino}`)
      .sort();
  }

  describe(subject.label, () => {
    /** A container to spy on, and a current directory above the state. */
    async function world(box: Sandbox) {
      const id = await box.detached((spec) => spec.process.env.push("SECRET=of-the-other"));
      const options = { cwd: box.dir, env: { HOME: "/nonexistent" } };
      return { id, options, before: inventory(box.state) };
    }

    const shown: [string, (box: Sandbox) => string[], (box: Sandbox) => string[]][] = [
      ["by default", () => [], (box) => [box.state]],
      ["--rw .", () => ["--rw", "."], (box) => [box.state]],
      ["--read-only", () => ["--read-only"], (box) => [box.state]],
      ["--overlay none", () => ["--overlay", "none"], (box) => [box.state]],
      ["-v .:/mnt", () => ["-v", ".:/mnt"], (box) => [box.state, "/mnt/state"]],
      ["-v .:/mnt:ro", () => ["-v", ".:/mnt:ro"], () => ["/mnt/state"]],
      ["-v .:/mnt:O", () => ["-v", ".:/mnt:O"], () => ["/mnt/state"]],
      ["-v /tmp:/mnt", () => ["-v", "/tmp:/mnt"], (box) => [`/mnt${box.state.slice("/tmp".length)}`]],
    ];
    for (const [name, flags, places] of shown) {
      test(`run --host ${name}: the state is not there`, async () => {
        await using box = new Sandbox(subject);
        const { id, options, before } = await world(box);
        const script = attack(RENAME, ...places(box));
        const outcome = await box.call(["run", "--host", ...flags(box), "--", "sh", "-c", script], options);
        expect(outcome).toMatchObject({ code: 0, stdout: "", stderr: "" });
        expect(inventory(box.state)).toEqual(before);
        expect((await box.inspect(id)).status).toBe("running");
      });
    }

    test("run --rootfs of a directory above the state, also --writable: it is not there", async () => {
      await using box = new Sandbox(subject);
      const { before } = await world(box);
      const inside = box.state.slice("/tmp".length);
      ownedDir(caller, `${box.dir}/bin`);
      for (const flags of [[], ["--writable"], ["--read-only"], ["-v", "/tmp:/mnt"]]) {
        const root = flags[0] === "-v" ? "/" : box.dir;
        const script = attack("mv", flags[0] === "-v" ? `/mnt${inside} ${box.state}` : "/state");
        const busybox = ["-v", "/usr/bin/busybox:/bin/busybox"];
        const argv = ["run", "--rootfs", root, ...busybox, ...flags, "--", "/bin/busybox", "sh", "-c"];
        const tools =
          "mkdir() { /bin/busybox mkdir $@; }; mv() { /bin/busybox mv $@; }; cat() { /bin/busybox cat $@; }";
        const outcome = await box.call([...argv, `${tools}; ${script}`]);
        expect({ flags, ...outcome }).toMatchObject({ code: 0, stdout: "", stderr: "" });
        expect(inventory(box.state)).toEqual(before);
      }
    });

    test("--rw: a state several directories down, and behind a link, stays where it is", async () => {
      await using box = new Sandbox(subject);
      for (const name of ["a", "a/b", "far", "far/b"]) ownedDir(caller, `${box.dir}/${name}`);
      symlinkSync("far", `${box.dir}/link`);
      for (const [state, real] of [
        [`${box.dir}/a/b/c`, `${box.dir}/a/b/c`],
        [`${box.dir}/link/b/c`, `${box.dir}/far/b/c`],
      ] as const) {
        const globals = { cwd: box.dir, globals: ["--root", state] };
        const argv = ["run", "--host", "--rw", ".", "--", "sh", "-c", attack(RENAME, state, real)];
        const outcome = await box.call(argv, globals);
        expect(outcome).toMatchObject({ code: 0, stdout: "", stderr: "" });
        expect(readdirSync(state)).toEqual([]);
      }
      expect(lstatSync(`${box.dir}/link`).isSymbolicLink()).toBe(true);
    });

    test("--rw of the home: neither filters nor images can be put where brun takes them from", async () => {
      await using box = new Sandbox(subject);
      const home = ownedDir(caller, `${box.dir}/home`, 0o700);
      const options = { cwd: home, env: { HOME: home } };
      const script = `for d in .cache/brun .local/share/brun; do
        mkdir -p $d/x; echo evil > $d/x.bpf; mv .cache .c; mv .local .l; mkdir -p $d; echo evil > $d/x.bpf; done 2>/dev/null; true`;
      const outcome = await box.call(["run", "--host", "--rw", ".", "--", "sh", "-c", script], options);
      expect(outcome.code).toBe(0);
      const found = readdirSync(home, { recursive: true }) as string[];
      expect(found.filter((name) => name.includes("x"))).toEqual([]);
    });

    test("the output of other containers is not there, also of those that begin later, and cannot be rewritten", async () => {
      await using box = new Sandbox(subject);
      const home = ownedDir(caller, `${box.dir}/home`, 0o700);
      const options = { cwd: home, env: { HOME: home, XDG_STATE_HOME: "" } };
      const logs = caller.uid === 0 ? "/var/lib/brun/logs" : `${home}/.local/state/brun/logs`;
      for (const flags of [[], ["--rw", "."], ["-v", ".:/mnt"], ["-v", ".:/mnt:ro"], ["--read-only"]]) {
        const [spy, victim] = [box.name(), box.name()];
        const places = [logs, `/mnt${logs.slice(home.length)}`];
        const script = `read go; ls -R ${places.join(" ")} 2>/dev/null | grep ${victim};
          for l in ${places.map((place) => `${place}/*/*/log`).join(" ")}; do cat $l; echo evil >$l; done 2>/dev/null; true`;
        const run = ["run", "-d", "--host", "--name"];
        await box.ok([...run, spy, "-i", ...flags, "--", "sh", "-c", script], options);
        await box.ok([...run, victim, "--", "echo", "secret output"], options);
        await box.ok(["wait", victim], options);
        const { stdout } = await box.call(["attach", spy], { ...options, stdin: "go\n" });
        expect({ flags, stdout }).toEqual({ flags, stdout: "" });
        expect(await box.ok(["logs", victim], options)).toBe("secret output\n");
        await box.ok(["rm", "-f", spy, victim], options);
      }
    });

    test("flags that ask for it are refused, by name", async () => {
      await using box = new Sandbox(subject);
      const id = await box.detached();
      mkdirSync(`${box.dir}/up`, { mode: 0o755 });
      if (isRoot) chownSync(`${box.dir}/up`, caller.uid, caller.gid);
      symlinkSync(box.state, `${box.dir}/alias`);
      const refused = async (...flags: string[]) => {
        const { code, stderr } = await box.call(["run", ...flags, "--", "true"], { cwd: box.dir });
        expect(`${code} ${stderr}`).toMatch(/^1 brun: [^\n]*: [^\n]* is where brun keeps the state[^\n]*\n$/);
      };
      await refused("--host", "-v", `${box.state}:/x`);
      await refused("--host", "-v", `./alias/${id}:/x:ro`);
      await refused("--host", "-v", `${box.state}/${id}/state.json:/x`);
      await refused("--host", "--rw", `state/${id}`);
      await refused("--host", "--upper", `${box.state}/up`);
      await refused("--rootfs", box.state);
      renameSync(box.state, `${box.dir}/up/upper`);
      symlinkSync("up/upper", box.state);
      await refused("--host", "--upper", "up");
    });

    test.skipIf(!isRoot)(
      "a second mount of the state's file system on the host is no way to it",
      async () => {
        await using box = new Sandbox(subject);
        const { options, before } = await world(box);
        const elsewhere = ownedDir(caller, `${box.dir}/elsewhere`);
        const binds = { [box.dir]: elsewhere };
        const place = `${elsewhere}/state`;
        for (const flags of [[], ["--rw", elsewhere], ["-v", `${elsewhere}:/mnt`]]) {
          const argv = ["run", "--host", ...flags, "--", "sh", "-c", attack(RENAME, place, "/mnt/state")];
          expect(await box.call(argv, { ...options, binds })).toMatchObject({ code: 0, stdout: "" });
          expect(inventory(box.state)).toEqual(before);
        }
      },
    );

    // Root here may lack capabilities that a container with all of them would need.
    test.skipIf(caller.uid === 0)(
      "a brun inside has a state directory of its own, where that of the one outside is",
      async () => {
        await using box = new Sandbox(subject);
        const env = { HOME: ownedDir(caller, `${box.dir}/home`) };
        const argv = [
          "run",
          "--host",
          "-u",
          "root",
          "--cap-add",
          "ALL",
          "--security-opt",
          "seccomp=unconfined",
        ];
        const inner = `${brunPath()} run --host -- sh -c 'echo inside; ls -A "$XDG_RUNTIME_DIR"'`;
        const outer = [...box.argv([])].filter((arg, i, all) => arg !== "--root" && all[i - 1] !== "--root");
        const run = (state: string) =>
          Bun.spawnSync(
            [...outer, "--root", state, ...argv, "--", "sh", "-c", `${inner}; ${brunPath()} list -q`],
            {
              env: { ...box.env, ...env },
              cwd: box.dir,
            },
          );
        const { stdout, stderr } = run(`${box.env.XDG_RUNTIME_DIR}/brun`);
        expect({ stdout: stdout.toString(), stderr: stderr.toString() }).toEqual({
          stdout: "inside\n",
          stderr: "",
        });
        // The plan of the run outside may be there, and nothing of the one inside.
        const left = readdirSync(`${box.env.XDG_RUNTIME_DIR}/brun`, { recursive: true }) as string[];
        expect(left.filter((name) => !name.startsWith("@run"))).toEqual([]);
        expect(left.length).toBeLessThanOrEqual(2);
      },
    );

    test("explain names the covers", async () => {
      await using box = new Sandbox(subject);
      const text = await box.ok(["explain", "--host", "--rw", ".", "--", "true"], { cwd: box.dir });
      expect(text).toContain(`mount tmpfs on ${box.state}`);
    });
  });
}
