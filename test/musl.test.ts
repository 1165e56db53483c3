/**
 * The build for musl, on Debian's musl. Debian has no libstdc++ for it: that of a Python package for Alpine is taken, by
 * pip, and what is newer than that comes from test/musl/shim.inc. On Alpine itself there has been no test.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readdirSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { callerEnv, callers, host, installed, ownedDir } from "./support/caller.ts";
import { makeRootfs } from "./support/rootfs.ts";
import { brunPath, workspace } from "./support/workspace.ts";

const ROOT = `${import.meta.dir}/..`;
/** Its libraries are older than DT_RELR, which Debian's musl 1.2.3 does not know. */
const WHEEL = "pyzmq==26.4.0";
const possible =
  process.env.BRUN_BUILDS === "full" &&
  process.arch === "x64" &&
  ["musl-gcc", "pip", "unshare"].every(installed);

describe.if(possible)("the build for musl", () => {
  const dir = `${workspace()}/musl`;
  const lib = `${dir}/lib`;
  const brun = `${dir}/brun`;

  beforeAll(() => {
    host("sh", `${ROOT}/scripts/build.sh`, "--libc", "musl");
    mkdirSync(lib, { recursive: true });
    copyFileSync(`${ROOT}/dist/brun-musl`, brun);
    const wanted = [
      "--no-deps",
      "--only-binary=:all:",
      "--platform=musllinux_1_1_x86_64",
      "--python-version=312",
    ];
    host("pip", "download", "--quiet", ...wanted, "--dest", dir, WHEEL);
    const wheel = readdirSync(dir).find((name) => name.endsWith(".whl"))!;
    host("python3", "-m", "zipfile", "-e", `${dir}/${wheel}`, `${dir}/wheel`);
    const bundled = `${dir}/wheel/pyzmq.libs`;
    for (const name of readdirSync(bundled)) {
      // libgcc keeps its name, by which libstdc++ asks for it.
      if (name.startsWith("libgcc_s")) copyFileSync(`${bundled}/${name}`, `${lib}/${name}`);
      if (name.startsWith("libstdc++")) copyFileSync(`${bundled}/${name}`, `${lib}/libstdc++.so.6`);
    }
    copyFileSync(realpathSync("/usr/lib/x86_64-linux-gnu/libseccomp.so.2"), `${lib}/libseccomp.so.2`);
    host("musl-gcc", "-shared", "-fPIC", "-o", `${lib}/shim.so`, "-x", "c", `${ROOT}/test/musl/shim.inc`);
  }, 300_000);

  describe.each(callers())("as $name", (caller) => {
    const base = `${dir}/${caller.name}`;
    const call = (...args: string[]) => {
      const env = {
        ...callerEnv(caller, ownedDir(caller, `${base}/run`, 0o700)),
        LD_LIBRARY_PATH: lib,
        LD_PRELOAD: `${lib}/shim.so`,
        XDG_CACHE_HOME: ownedDir(caller, `${base}/cache`, 0o700),
      };
      const child = Bun.spawnSync(
        [...caller.prefix, "env", ...Object.entries(env).map((e) => e.join("=")), brun, ...args],
        {
          env: { PATH: process.env.PATH },
          cwd: ownedDir(caller, base),
          stderr: "pipe",
        },
      );
      return { code: child.exitCode, stdout: child.stdout.toString(), stderr: child.stderr.toString() };
    };
    const said = (stdout: string) => ({ code: 0, stdout, stderr: "" });

    test("starts, finds its libraries, and runs containers without a bundle, with the default filter", () => {
      const { stdout } = call("--version");
      expect(stdout).toStartWith("brun version ");
      expect(stdout).toContain("libseccomp: ");
      const rootfs = makeRootfs(`${base}/rootfs`, caller);
      expect(
        call("run", "--rootfs", rootfs, "--", "sh", "-c", "grep Seccomp: /proc/self/status; id -u"),
      ).toEqual(said("Seccomp:\t2\n0\n"));
      expect(call("run", "--host", "-e", "LD_PRELOAD=", "-e", "LD_LIBRARY_PATH=", "--", "id", "-u")).toEqual(
        said(`${caller.uid}\n`),
      );
    });

    test("a bundle, for the first time and again; a container that stays", () => {
      ownedDir(caller, `${base}/bundle`);
      const rootfs = makeRootfs(`${base}/bundle/rootfs`, caller);
      expect(rootfs).toBeString();
      const config = call("run", "--print-config", "--rootfs", rootfs, "--", "echo", "hello");
      expect(config.code).toBe(0);
      Bun.spawnSync([...caller.prefix, "sh", "-c", 'cat >"$1"', "sh", `${base}/bundle/config.json`], {
        stdin: new Blob([config.stdout]),
      });
      for (const id of ["one", "two"]) {
        expect(call("run", "--bundle", `${base}/bundle`, id)).toEqual(said("hello\n"));
      }
      // A detached container keeps the streams of the command, which would be waited for: its shell closes them.
      const away = ["sh", "-c", "exec sleep 60 </dev/null >/dev/null 2>&1"];
      expect(call("run", "-d", "--rootfs", rootfs, "three", "--", ...away).code).toBe(0);
      expect(call("exec", "three", "echo", "inside")).toEqual(said("inside\n"));
      expect(JSON.parse(call("state", "three").stdout)).toMatchObject({ id: "three", status: "running" });
      expect(call("delete", "--force", "three")).toEqual(said(""));
    });
  });

  test("where the C library is another one, or libstdc++ is missing, one line says so", () => {
    const root = `${dir}/root`;
    const there = (path: string, from: string) => {
      mkdirSync(dirname(`${root}${path}`), { recursive: true });
      copyFileSync(realpathSync(from), `${root}${path}`);
    };
    there("/glibc/brun", brunPath());
    there("/musl/brun", brun);
    const call = (file: string) => {
      const child = Bun.spawnSync(["unshare", "-r", "chroot", root, file, "list"], { stderr: "pipe" });
      return [child.exitCode, child.stderr.toString()];
    };
    const line = (text: string) => expect.stringMatching(new RegExp(`^brun: ${text}[^\n]*\n$`));
    expect(call("/glibc/brun")).toEqual([
      126,
      line("cannot load .*ld-linux-x86-64.so.2: .*systems with glibc"),
    ]);
    expect(call("/musl/brun")).toEqual([126, line("cannot load .*ld-musl-x86_64.so.1: .*systems with musl")]);
    there("/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-x86_64.so.1");
    expect(call("/musl/brun")).toEqual([126, line("libstdc\\+\\+.so.6 is not installed; .*apk add")]);
  });
});
