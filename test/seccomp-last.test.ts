/**
 * The container's filter is the last thing before execve: whatever it refuses, it refuses the program and not the runtime,
 * with no_new_privs and without, at `run`, `start` and `exec`.
 */
import { describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { compiled } from "./support/compiled.ts";
import { subjects } from "./support/runtime.ts";
import { type Outcome, Sandbox } from "./support/sandbox.ts";
import type { TestSpec } from "./support/spec.ts";

/** What execve(2), libc's start and the program `least` need. */
const LEAST = ["execve", "write", "exit_group"].concat(
  ["brk", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64", "mprotect", "getrandom"],
  ["readlinkat", "readlink", "uname", "mmap", "newfstatat", "fstat"],
);

/** All that brun, crun and runc make between the root file system and execve, and what is near to it. */
const REFUSED =
  `access capget capset chdir chmod chown chroot clone clone3 close close_range dup dup2 dup3 epoll_create1
  execveat faccessat faccessat2 fchdir fchmod fchown fcntl flock fstat fstatfs futex getcwd getdents64 getegid geteuid
  getgid getgroups getpid getppid getrandom getrlimit getsid gettid getuid ioctl keyctl kill lseek lstat madvise memfd_create
  mkdirat mmap mount munmap nanosleep newfstatat open openat openat2 personality pidfd_open pipe2 pivot_root poll
  ppoll prctl pread64 prlimit64 read readlink readlinkat recvfrom recvmsg rt_sigaction rt_sigprocmask sched_setaffinity
  sched_setattr seccomp sendmsg sendto setgid setgroups setns setpgid setresgid setresuid setrlimit setsid setuid
  sigaltstack socket socketpair stat statfs statx symlinkat tgkill umask umount2 uname unlinkat unshare wait4 waitid
  writev`.split(/\s+/);

const PROGRAM = "/bin/least";

for (const subject of subjects()) {
  describe.skipIf(subject.unavailable !== undefined)(subject.label, () => {
    const path = compiled(`${import.meta.dir}/fields/least.c`);

    /** A bundle whose root file system has the program. */
    const bundle = (box: Sandbox, edit: (spec: TestSpec) => void): string => {
      const dir = box.bundle((spec) => {
        spec.process.args = [PROGRAM];
        spec.process.cwd = "/tmp";
        edit(spec);
      });
      copyFileSync(path, `${dir}/rootfs${PROGRAM}`);
      chmodSync(`${dir}/rootfs${PROGRAM}`, 0o755);
      return dir;
    };

    const kills = {
      defaultAction: "SCMP_ACT_KILL_PROCESS",
      syscalls: [{ names: LEAST, action: "SCMP_ACT_ALLOW" }],
    };
    const ran = { code: 0, signal: null, stdout: "ran\n", stderr: "" };

    for (const noNewPrivileges of [true, false]) {
      describe(`no_new_privs ${noNewPrivileges}`, () => {
        const asUser = (spec: TestSpec): void => {
          // A user has no other id in the test's map.
          if (subject.caller.uid === 0) spec.process.user = { uid: 1000, gid: 1000, additionalGids: [50] };
        };

        test("nothing but execve comes after a filter that kills", async () => {
          await using box = new Sandbox(subject);
          const edits: ((spec: TestSpec) => void)[] = [() => undefined, asUser];
          for (const edit of edits) {
            const dir = bundle(box, (spec) => {
              spec.process.noNewPrivileges = noNewPrivileges;
              spec.linux.seccomp = kills;
              edit(spec);
            });
            expect(await box.call(["run", "--bundle", dir, box.name()])).toEqual(ran);
            // The second one is by a cached plan.
            expect(await box.call(["run", "--bundle", dir, box.name()])).toEqual(ran);
            const id = box.name();
            const created = box.spawn(["create", "--bundle", dir, id]);
            expect((await created.done).code).toBe(0);
            await box.ok(["start", id]);
            await box.untilStatus(id, "stopped");
            expect(created.stdout()).toBe("ran\n");
            await box.ok(["delete", id]);
          }
        });

        test("exec, with words and with a file", async () => {
          await using box = new Sandbox(subject);
          const dir = bundle(box, (spec) => {
            spec.process.noNewPrivileges = noNewPrivileges;
            spec.process.args = ["/bin/sleep", "1000"];
            // What busybox needs to sleep.
            const names = [
              ...LEAST,
              "nanosleep",
              "clock_nanosleep",
              "prctl",
              "getuid",
              "getgid",
              "setuid",
              "setgid",
            ];
            spec.linux.seccomp = { ...kills, syscalls: [{ names, action: "SCMP_ACT_ALLOW" }] };
          });
          const id = box.name();
          await box.ok(["run", "--detach", "--bundle", dir, id]);
          expect(await box.call(["exec", id, PROGRAM])).toEqual(ran);
          // Flags are no matter of the file that was written for exec without any.
          expect(await box.call(["exec", "--env", "A=b", id, PROGRAM])).toEqual(ran);
          const process = { args: [PROGRAM], env: [], cwd: "/tmp", user: { uid: 0, gid: 0 } };
          for (const privileges of [
            { noNewPrivileges },
            {},
            { noNewPrivileges, capabilities: { bounding: [] } },
          ]) {
            const file = `${box.dir}/process.json`;
            writeFileSync(file, JSON.stringify({ ...process, ...privileges }));
            expect(await box.call(["exec", "--process", file, id])).toEqual(ran);
          }
        });

        test("what the filter refuses one by one", async () => {
          await using box = new Sandbox(subject);
          const failed: (Outcome & { name: string })[] = [];
          const dir = bundle(box, (spec) => {
            spec.process.noNewPrivileges = noNewPrivileges;
          });
          const config = `${dir}/config.json`;
          const spec = JSON.parse(readFileSync(config, "utf8"));
          for (const name of REFUSED) {
            const syscalls = [{ names: [name], action: "SCMP_ACT_ERRNO" }];
            spec.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls };
            writeFileSync(config, JSON.stringify(spec));
            const outcome = await box.call(["run", "--bundle", dir, box.name()]);
            if (outcome.stdout !== "ran\n") failed.push({ name, ...outcome });
          }
          expect(failed).toEqual([]);
        });
      });
    }

    test("execve that fails is told, also by a process that may not send to brun", async () => {
      await using box = new Sandbox(subject);
      const dir = bundle(box, (spec) => {
        spec.process.args = ["/bin/script"];
        spec.linux.seccomp = {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ names: ["sendmsg"], action: "SCMP_ACT_ERRNO" }],
        };
      });
      writeFileSync(`${dir}/rootfs/bin/script`, "#!/nowhere/interpreter\n", { mode: 0o755 });
      const { code, stderr } = await box.call(["run", "--bundle", dir, box.name()]);
      expect(code).not.toBe(0);
      if (subject.runtime === "brun") {
        expect(stderr).toBe(
          "brun: the program cannot be executed: errno 2; the seccomp filter refuses sendmsg, by which brun would say more\n",
        );
      }
    });

    test("a capability that installs the filter is not the program's", async () => {
      await using box = new Sandbox(subject);
      const { stdout } = await box.sh("grep ^Cap /proc/self/status", (spec) => {
        spec.process.noNewPrivileges = false;
        spec.process.capabilities = {
          ...spec.process.capabilities,
          inheritable: ["CAP_KILL"],
          ambient: ["CAP_KILL"],
        };
        spec.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [] };
        if (subject.caller.uid === 0) spec.process.user = { uid: 1000, gid: 1000 };
      });
      const sets = subject.caller.uid === 0 ? ["20", "20", "20"] : ["20", "20000420", "20000420"];
      const hex = [...sets, "20000420", "20"].map((set) => set.padStart(16, "0"));
      const names = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];
      expect(stdout).toBe(names.map((name, i) => `${name}:\t${hex[i]}\n`).join(""));
    });
  });
}
