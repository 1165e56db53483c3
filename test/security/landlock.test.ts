/** `run --host --landlock`: what a program without namespaces gets at, and what not. */
import { describe, expect, test } from "bun:test";
import { chownSync, closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { basename } from "node:path";
import { ownedDir } from "../support/caller.ts";
import { until } from "../support/processes.ts";
import { subjects } from "../support/runtime.ts";
import { Sandbox } from "../support/sandbox.ts";
import { brunPath } from "../support/workspace.ts";

/** Prints a line for whatever succeeds. argv: a pid outside, an allowed and another TCP port, paths of a Unix socket and a directory. */
const ATTACK = `
import ctypes, errno, fcntl, os, signal, socket, struct, sys
pid, allowed, other, unix, home = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
libc = ctypes.CDLL(None, use_errno=True)
def attempt(name, what):
  try:
    if what() is not False: print(name, flush=True)
  except OSError: pass
def read(path): return len(open(path, "rb").read()) > 0
def connect(kind, port, protocol=0):
  s = socket.socket(kind[0], kind[1], protocol); s.settimeout(2); s.connect((kind[2], port))
TCP = (socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1")
def fastopen():
  s = socket.socket(socket.AF_INET, socket.SOCK_STREAM); s.sendto(b"x", 0x20000000, ("127.0.0.1", other))
def fastopen_message():
  s = socket.socket(socket.AF_INET, socket.SOCK_STREAM); s.sendmsg([b"x"], [], 0x20000000, ("127.0.0.1", other))
def udp():
  s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b"x", ("127.0.0.1", other))
def at(path):
  s = socket.socket(socket.AF_UNIX); s.connect(path)
def typed(number):
  try: fcntl.ioctl(os.open("/dev/null", os.O_RDWR), number, b"x")
  except OSError as error: return error.errno != errno.EPERM
def call(number, *args): return libc.syscall(number, *args) >= 0
for path in (".ssh/key", ".netrc", "other/file.secret"):
  for base in (home, "/proc/self/root" + home, "/proc/%d/root" % pid + home, "/proc/%d/cwd/.." % pid):
    attempt("read " + path, lambda: read(base + "/" + path))
attempt("environ", lambda: read("/proc/%d/environ" % pid))
attempt("mem", lambda: open("/proc/%d/mem" % pid, "rb"))
attempt("descriptor", lambda: os.read(3, 1))
attempt("list", lambda: os.listdir(home + "/.ssh"))
for flags in (os.O_WRONLY, os.O_RDWR | os.O_TRUNC, os.O_WRONLY | os.O_CREAT): attempt("write", lambda: os.open(home + "/file", flags))
attempt("truncate", lambda: os.truncate(home + "/file", 0))
attempt("create", lambda: open(home + "/created", "w"))
attempt("mkdir", lambda: os.mkdir(home + "/made"))
attempt("unlink", lambda: os.unlink(home + "/file"))
attempt("rename away", lambda: os.rename(home + "/file", "taken"))
open("mine", "w").close()
attempt("rename out", lambda: os.rename("mine", home + "/mine"))
attempt("link out", lambda: os.link("mine", home + "/mine"))
attempt("link in", lambda: os.link(home + "/.ssh/key", "key") or read("key"))
attempt("OK link", lambda: os.path.lexists("to") or os.symlink(home + "/file", "to")); attempt("through a link", lambda: open("to", "w"))
for place in ("/tmp", "/var/tmp", "/dev/shm"): attempt("write " + place, lambda: (open(place + "/brun-landlock-test", "w"), os.unlink(place + "/brun-landlock-test")))
attempt("other port", lambda: connect(TCP, other))
attempt("bind", lambda: socket.socket().bind(("127.0.0.1", 0)) )
attempt("mptcp", lambda: connect(TCP, other, 262))
attempt("sctp", lambda: connect(TCP, other, 132))
attempt("v4 in v6", lambda: connect((socket.AF_INET6, socket.SOCK_STREAM, "::ffff:127.0.0.1"), other))
for name in (fastopen, fastopen_message, udp): attempt(name.__name__, name)
attempt("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
attempt("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
attempt("unix", lambda: at(unix)); attempt("abstract", lambda: at("\\0" + unix))
attempt("signal", lambda: os.kill(pid, 0)); attempt("SIGTERM", lambda: os.kill(pid, signal.SIGTERM))
attempt("limit", lambda: libc.prlimit(pid, 0, ctypes.byref((ctypes.c_ulong * 2)(1, 1)), None) == 0)
attempt("shared memory", lambda: libc.shmctl(libc.shmget(0, 4096, 0o1600), 0, None) >= 0)
rt = ctypes.CDLL("librt.so.1")
attempt("queue", lambda: rt.mq_open(b"/brun-landlock", os.O_CREAT | os.O_RDWR, 0o600, None) >= 0 and rt.mq_unlink(b"/brun-landlock") == 0)
attempt("listen", lambda: socket.socket().listen(1))
attempt("ptrace", lambda: libc.ptrace(16, pid, 0, 0) == 0)
for number in (0x5412, 0x541c, 0x100005412 & 0xffffffff): attempt("type", lambda: typed(number))
if "PLAIN" not in os.environ:
  attempt("unshare", lambda: libc.unshare(0x10000000) == 0); attempt("namespace", lambda: libc.unshare(0x20000) == 0)
  attempt("mount", lambda: libc.mount(b"none", home.encode(), b"tmpfs", 0, None) == 0)
# What it has.
attempt("OK port", lambda: allowed == 0 or connect(TCP, allowed))
attempt("OK here", lambda: open("here", "w").write("x")); attempt("OK temporary", lambda: open(os.environ["TMPDIR"] + "/x", "w"))
attempt("OK pair", lambda: socket.socketpair()); attempt("OK read", lambda: read("/etc/passwd"))
attempt("OK privileges", lambda: "NoNewPrivs:\\t1" in open("/proc/self/status").read())
`;
const OWN = ["OK link", "OK port", "OK here", "OK temporary", "OK pair", "OK read", "OK privileges"];

for (const subject of subjects(["brun"])) {
  const { caller } = subject;

  /** A home with secrets, and a project in it; not in /tmp, where nothing is to be seen. */
  function world(box: Sandbox) {
    const home = ownedDir(caller, `${caller.home}/${basename(box.dir)}-${box.name()}`);
    const cwd = ownedDir(caller, `${home}/project`);
    for (const name of [".ssh", "other"]) ownedDir(caller, `${home}/${name}`, 0o700);
    for (const name of [".ssh/key", ".netrc", "other/file.secret", "file", "attack.py"]) {
      writeFileSync(`${home}/${name}`, name === "attack.py" ? ATTACK : "the key\n", { mode: 0o600 });
      chownSync(`${home}/${name}`, caller.uid, caller.gid);
    }
    const env = { HOME: home, XDG_RUNTIME_DIR: `${box.dir}/run` };
    return { home, cwd, env, [Symbol.dispose]: () => rmSync(home, { recursive: true }) };
  }

  describe(subject.label, () => {
    for (const ports of [false, true]) {
      test(`--landlock: nothing of the caller's is read, written, connected to or signalled${ports ? ", with a port" : ""}`, async () => {
        await using box = new Sandbox(subject);
        using place = world(box);
        const { home, cwd, env } = place;
        const servers = await Promise.all(
          [0, 0, `${home}/project/socket`, `\0${home}/project/socket`].map(
            (where) =>
              new Promise<ReturnType<typeof createServer>>((resolve) => {
                const server = createServer((socket) => socket.end());
                const all = !String(where).startsWith("\0");
                if (typeof where === "number") server.listen(where, "127.0.0.1", () => resolve(server));
                else
                  server.listen({ path: where, readableAll: all, writableAll: all }, () => resolve(server));
              }),
          ),
        );
        const port = (i: number) => (servers[i]!.address() as { port: number }).port;
        const outside = Bun.spawn([...caller.prefix, "sleep", "100"], { cwd, stdin: "ignore" });
        try {
          const flags = [
            "--hide",
            `${home}/other/file.secret`,
            ...(ports ? ["--connect-port", `${port(0)}`] : []),
          ];
          const words = [
            `${outside.pid}`,
            `${ports ? port(0) : 0}`,
            `${port(1)}`,
            `${home}/project/socket`,
            home,
          ];
          const program = ["python3", `${home}/attack.py`, ...words];
          const key = openSync(`${home}/.ssh/key`, "r");
          const argv = ["run", "--host", "--landlock", ...flags, "--", ...program];
          const inside = await box.call(argv, { cwd, env, fds: [key] });
          closeSync(key);
          expect(inside.stdout.trim().split("\n")).toEqual(OWN);
          expect(inside).toMatchObject({ code: 0, stderr: "" });
          expect(outside.exitCode).toBeNull();
          expect(readFileSync(`${home}/file`, "utf8")).toBe("the key\n");
          // The attack succeeds where it is not restricted.
          const plain = Bun.spawnSync([...caller.prefix, ...program.slice(0, 2), ...words], {
            cwd,
            env: { ...env, PATH: "/usr/local/bin:/usr/bin:/bin", TMPDIR: cwd, PLAIN: "1" },
          }).stdout.toString();
          for (const what of [
            "read .ssh/key",
            "unix",
            "abstract",
            "other port",
            "signal",
            "create",
            "udp",
            "shared memory",
            "listen",
          ])
            expect(plain).toContain(`${what}\n`);
        } finally {
          outside.kill("SIGKILL");
          for (const server of servers) server.close();
        }
      }, 60000);
    }

    test("--landlock: where namespaces are refused, which brun offers; temporary files go, also when it is killed", async () => {
      await using box = new Sandbox(subject);
      using place = world(box);
      const { cwd, env, home } = place;
      const brun = brunPath();
      const script = `${brun} run --host -- true; ${brun} run --host --landlock -- sh -c 'cat ${home}/.ssh/key; echo $TMPDIR'`;
      const nested = await box.call(["run", "--host", "--rw", home, "--", "sh", "-c", script], { cwd, env });
      if (caller.name === "user")
        expect(nested.stderr).toMatch(/cannot create a user namespace.*run --host --landlock needs none/);
      expect(nested.stdout).toMatch(/\/brun-landlock-/);
      const running = box.spawn(
        [
          "run",
          "--host",
          "--landlock",
          "--",
          "sh",
          "-c",
          "echo $TMPDIR; mkdir $TMPDIR/a; : >ready; exec sleep 100",
        ],
        { cwd, env },
      );
      await until("it runs", () => existsSync(`${cwd}/ready`));
      const directory = running.stdout().trim();
      expect(existsSync(`${directory}/a`)).toBe(true);
      running.kill("SIGKILL");
      await running.done;
      await until("temporary files have gone", () => !existsSync(directory));
    });

    test("--landlock: with user.max_user_namespaces=0", async () => {
      await using box = new Sandbox(subject);
      using place = world(box);
      const { cwd, env, home } = place;
      const script =
        'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --inh-caps=-all --bounding-set=-all "$@"';
      const around = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"];
      const words = ["--", "sh", "-c", `cat ${home}/.netrc || echo hidden; echo out >out`];
      const refused = await box.call(["run", "--host", ...words], { cwd, env, around });
      expect(refused.stderr).toMatch(/max_user_namespaces.*run --host --landlock needs none/);
      const restricted = await box.call(["run", "--host", "--landlock", ...words], { cwd, env, around });
      expect(restricted).toMatchObject({ code: 0, stdout: "hidden\n" });
      expect(readFileSync(`${cwd}/out`, "utf8")).toBe("out\n");
    });

    test("--landlock: exit codes, limits, what cannot be", async () => {
      await using box = new Sandbox(subject);
      using place = world(box);
      const { cwd, env, home } = place;
      const run = (...words: string[]) => box.call(["run", "--host", "--landlock", ...words], { cwd, env });
      expect(await run("--ulimit", "nofile=77", "--", "sh", "-c", "ulimit -n; exit 7")).toMatchObject({
        code: 7,
        stdout: "77\n",
      });
      expect(await run("--", "nosuchprogram")).toMatchObject({
        code: 127,
        stderr: 'brun: exec: "nosuchprogram": executable file not found in $PATH\n',
      });
      expect(await run("--", "sh", "-c", "kill -TERM $$")).toMatchObject({ signal: "SIGTERM" });
      expect((await run("--memory", "1g", "--", "true")).stderr).toContain(
        "--memory has no use with --landlock",
      );
      expect((await run("--connect-port", "x", "--", "true")).stderr).toContain("is no port");
      const inHome = await box.call(["run", "--host", "--landlock", "--", "true"], { cwd: home, env });
      expect(inHome.stderr).toContain(`${home} cannot be writable: ${home}/`);
      expect((await box.call(["run", "--host", "--connect-port", "1", "--", "true"])).stderr).toContain(
        "--connect-port goes with --landlock",
      );
      const explained = await box.ok(["explain", "--host", "--landlock", "--", "true"], { cwd, env });
      expect(explained).toMatch(new RegExp(`^write +${cwd}\n`));
      expect(explained).not.toContain(".ssh");
      expect(await box.call(["doctor"])).toMatchObject({ stdout: expect.stringMatching(/landlock +ABI/) });
    });
  });
}
