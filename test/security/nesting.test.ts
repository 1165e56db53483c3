/** `--allow-nesting`: who may make namespaces and mounts inside still sees nothing of what is covered, and changes nothing. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { ownedDir } from "../support/caller.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { brunPath } from "../support/workspace.ts";

/**
 * In a user and mount namespace of its own. $H is the home, $S the state directory, $D a directory to mount on. Says "mounted" when
 * mounting works at all, and prints whatever it gets to see.
 */
const ATTACK = `
look() { cat "$1/.ssh/key" "$1/.netrc" "$2"/*/state.json; }
both() { look "$1$H" "$1$S"; look "$1" "$1/state"; }
mount -t tmpfs none "$D" && echo mounted && mkdir "$D/a" "$D/b" "$D/up" "$D/work"
both ""
umount "$H/.ssh"; umount -l "$H/.ssh"; umount "$H/.netrc"; umount -l "$H"; umount -l /; umount "$S"; umount -l "$S"; both ""
for tree in "$H" "$(dirname "$S")" /; do
  mount --bind "$tree" "$D/a" && both "$D/a" && umount "$D/a"
  mount --rbind "$tree" "$D/a" && both "$D/a"
  for under in "$D/a" "$D/a$H" "$D/a$(dirname "$S")"; do
    umount "$under/.ssh"; umount -l "$under/.ssh"; umount "$under/.netrc"; umount "$under/state"; umount -l "$under/state"
  done
  both "$D/a"; exec 9<"$D/a"; umount -l "$D/a"; both /proc/self/fd/9; exec 9<&-
  mount -t overlay -o "lowerdir=$tree" none "$D/a" && both "$D/a"; umount "$D/a"
  mount -t overlay -o "lowerdir=$tree:$D/b" none "$D/a" && both "$D/a"; umount "$D/a"
  mount -t overlay -o "lowerdir=$D/b,upperdir=$tree,workdir=$D/work,userxattr" none "$D/a" && both "$D/a"; umount "$D/a"
done
mount --move "$H/.ssh" "$D/b"; mount --move "$S" "$D/b"; both ""
mv "$H/.ssh" "$H/.moved"; rm -rf "$H/.ssh"; mv "$S" "$S-moved"; rmdir "$S"; mv "$(dirname "$S")" "$(dirname "$S")-moved"; both ""
mount -o remount,bind,rw /sys && echo "/sys can be made writable"
mount -t proc none "$D/b" && for f in "$D"/b/sys/kernel/core_pattern "$D"/b/sysrq-trigger; do : >>"$f" && echo "$f is writable"; done
true`;

/** What a brun inside shows when it is asked for everything. */
const BY_BRUN = (brun: string) => `
for flags in "--with-secrets" "--with-secrets --overlay none" "--with-secrets --rw $H" "--with-secrets --read-only"; do
  ${brun} run --host $flags -- sh -c 'cat "$HOME/.ssh/key" "$HOME/.netrc"; cat "$S"/*/state.json'
done
${brun} run --host --with-secrets -v "$H:/mnt" -- cat /mnt/.ssh/key
${brun} run --rootfs "$H" -v /usr:/usr -v /usr/lib:/lib -v /usr/lib64:/lib64 -- /usr/bin/cat /.ssh/key /.netrc
true`;

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  describe(subject.label, () => {
    for (const [name, script, mark] of [
      ["by mounts of its own", `unshare -Urm sh -c '${ATTACK.replaceAll("'", "'\\''")}'`, "mounted\n"],
      ["by a brun inside", BY_BRUN(brunPath()), ""],
    ] as const) {
      for (const flags of [[], ["--rw", "project"]]) {
        test(`covers hold ${name}${flags.length === 0 ? "" : ", with --rw above the state"}`, async () => {
          await using box = new Sandbox(subject);
          const home = ownedDir(caller, `${box.dir}/home`);
          ownedDir(caller, `${home}/.ssh`, 0o700);
          box.file("home/.ssh/key", "the key\n");
          box.file("home/.netrc", "the password\n");
          const project = ownedDir(caller, `${box.dir}/project`);
          const scratch = ownedDir(caller, `${project}/scratch`);
          const state = `${project}/state`;
          const globals = ["--root", state];
          const id = box.name();
          const bundle = box.bundle((spec) => {
            spec.process.args = ["/bin/sleep", "100"];
          });
          await box.ok(["run", "-d", "--bundle", bundle, id], { globals });
          const before = readFileSync(`${state}/${id}/state.json`);
          const env = { HOME: home, H: home, S: state, D: scratch };
          const pass = Object.keys(env).flatMap((each) => ["-e", each]);
          const argv = ["run", "--host", "--allow-nesting", ...pass, ...flags, "--", "sh", "-c", script];
          const { code, stdout } = await box.call(argv, { env, globals, cwd: box.dir });
          expect({ code, stdout }).toEqual({ code: 0, stdout: mark });
          // The same sees everything where nothing is covered.
          const bare = box.call([...argv.slice(0, 2), "--with-secrets", ...argv.slice(2)], {
            env,
            globals,
            cwd: box.dir,
          });
          expect((await bare).stdout).toContain("the key\n");
          expect(readFileSync(`${home}/.ssh/key`, "utf8")).toBe("the key\n");
          expect(readFileSync(`${state}/${id}/state.json`)).toEqual(before);
          await box.ok(["delete", "--force", id], { globals });
        });
      }
    }

    test("without it neither namespaces nor mounts can be made, nor keyrings reached with it", async () => {
      await using box = new Sandbox(subject);
      const run = (flags: string[], script: string) =>
        box.call(["run", "--host", ...flags, "--", "sh", "-c", script]);
      expect(await run([], "unshare -Ur true; unshare -r true; echo no")).toMatchObject({ stdout: "no\n" });
      mkdirSync(`${box.dir}/c`);
      const nest = ["--allow-nesting"];
      expect(await run(nest, "unshare -Ur echo yes")).toMatchObject({ stdout: "yes\n", stderr: "" });
      const keyctl = `python3 -c 'import ctypes; l = ctypes.CDLL(None, use_errno=True); print(l.syscall(${process.arch === "arm64" ? 219 : 250}, 0, -3, 0), ctypes.get_errno())'`;
      if (existsSync("/usr/bin/python3"))
        expect(await run(nest, keyctl)).toMatchObject({ stdout: "-1 38\n" });
    });
  });
}
