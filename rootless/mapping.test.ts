import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { currentCaller } from "./caller.ts";
import { type IdMaps, mapText } from "./idmap.ts";
import { deniesSetgroups, selfMappable } from "./mapping.ts";
import { loadSubids, type SubidRange } from "./subid.ts";

const one = (hostId: number) => [{ containerId: 0, hostId, size: 1 }];

describe("selfMappable", () => {
  test.each<[string, IdMaps, boolean]>([
    ["the caller's own ids", { uid: one(1000), gid: one(1001) }, true],
    [
      "own ids under another number",
      { uid: [{ containerId: 5, hostId: 1000, size: 1 }], gid: one(1001) },
      true,
    ],
    ["another uid", { uid: one(1001), gid: one(1001) }, false],
    ["another gid", { uid: one(1000), gid: one(1000) }, false],
    ["two ids", { uid: [{ containerId: 0, hostId: 1000, size: 2 }], gid: one(1001) }, false],
    ["two lines", { uid: [...one(1000), { containerId: 1, hostId: 5, size: 1 }], gid: one(1001) }, false],
  ])("%s", (_, maps, expected) => {
    expect(selfMappable(maps, 1000, 1001)).toBe(expected);
  });
});

test("deniesSetgroups holds for an unprivileged caller's own gid alone", () => {
  const dev = { uid: 1000, gid: 1001, userName: "dev", privileged: false };
  expect(deniesSetgroups({ uid: one(7), gid: one(1001) }, dev)).toBe(true);
  expect(deniesSetgroups({ uid: one(7), gid: one(7) }, dev)).toBe(false);
  expect(deniesSetgroups({ uid: one(7), gid: one(1001) }, { ...dev, privileged: true })).toBe(false);
});

interface Outcome {
  uid?: string;
  gid?: string;
  setgroups?: string;
  error?: string;
  caller: { uid: number; gid: number; userName: string | null; privileged: boolean };
}

const ROOT = realpathSync(`${import.meta.dir}/..`);
/** Another user may not be able to reach the checkout, for example in root's home. So it is also bound on /mnt. */
const SHOWN = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /mnt && exec "$@"', ROOT];

/** Runs the script. `user` is another user to run it as (needs root), and `wrap` a command that starts it. */
function writeMapsAs(maps: IdMaps | "default", user?: string, wrap: readonly string[] = []): Outcome {
  const as =
    user === undefined ? [] : [...SHOWN, "setpriv", `--reuid=${user}`, `--regid=${user}`, "--init-groups"];
  const checkout = user === undefined ? ROOT : "/mnt";
  const argument = maps === "default" ? maps : JSON.stringify(maps);
  const script = [`${checkout}/node_modules/.bin/bun`, "run", `${checkout}/rootless/testing/write-maps.ts`];
  const [command, ...args] = [...as, ...wrap, ...script, argument];
  const result = spawnSync(command!, args, {
    cwd: "/",
    encoding: "utf8",
    // The other user cannot write to the transpiler's cache.
    env: { PATH: "/usr/bin:/bin", BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" },
  });
  if (result.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${result.stderr || result.error}`);
  return JSON.parse(result.stdout) as Outcome;
}

const root = process.getuid!() === 0;
const installed = existsSync("/usr/bin/newuidmap") && existsSync("/usr/bin/unshare");

describe.skipIf(!root || !installed)("writeMaps as root", () => {
  test("writes several lines directly", () => {
    const map = [
      { containerId: 0, hostId: 1000, size: 1 },
      { containerId: 1, hostId: 100000, size: 65536 },
    ];
    const result = writeMapsAs({ uid: map, gid: map });
    expect(result).toMatchObject({
      caller: { uid: 0, privileged: true },
      uid: mapText(map).trim().replace(/\n/g, "\n "),
      setgroups: "allow",
    });
  });

  test("names CAP_SETFCAP when host id 0 may not be mapped", () => {
    const maps = { uid: one(0), gid: one(0) };
    const drop = ["setpriv", "--bounding-set=-setfcap", "--inh-caps=-setfcap"];
    expect(writeMapsAs(maps, undefined, drop).error).toMatch(
      /^linux\.uidMappings: cannot write \/proc\/\d+\/uid_map: EPERM; hint: .*CAP_SETFCAP/,
    );
  });

  test("says that a map of a page or more is too long", () => {
    const long = Array.from({ length: 340 }, (_, i) => ({
      containerId: 2 * i,
      hostId: 1_000_000 + 2 * i,
      size: 1,
    }));
    expect(writeMapsAs({ uid: long, gid: long }).error).toMatch(/EINVAL; hint: the map takes \d+ bytes/);
  });
});

describe.skipIf(!root || !installed)("writeMaps as an unprivileged user", () => {
  const user = `brunmap${process.pid}`;
  let uid = 0;
  let ranges: readonly SubidRange[] = [];

  beforeAll(() => {
    const made = spawnSync("useradd", ["--no-create-home", "--user-group", user], { encoding: "utf8" });
    if (made.status !== 0) throw new Error(`useradd: ${made.stderr}`);
    uid = Number(spawnSync("id", ["-u", user], { encoding: "utf8" }).stdout);
    ranges = loadSubids(uid, user).uid;
  });
  afterAll(() => {
    spawnSync("userdel", [user]);
  });

  test("maps the caller and its subordinate ids by newuidmap and newgidmap", () => {
    const result = writeMapsAs("default", user);
    expect(result.error).toBeUndefined();
    expect(result.caller).toMatchObject({ uid, userName: user, privileged: false });
    expect(result.uid).toBe(`0 ${uid} 1\n 1 ${ranges[0]!.start} ${ranges[0]!.size}`);
    expect(result.setgroups).toBe("allow");
  });

  test("names the line to add when newuidmap refuses", () => {
    const maps = { uid: [...one(uid), { containerId: 1, hostId: 5, size: 10 }], gid: one(uid) };
    expect(writeMapsAs(maps, user).error).toBe(
      `linux.uidMappings: newuidmap refused the id map: uid range [1-11) -> [5-15) not allowed; ` +
        `hint: add "${user}:5:10" to /etc/subuid as root`,
    );
  });

  test("names the line to add when newgidmap refuses", () => {
    expect(writeMapsAs({ uid: one(uid), gid: one(6) }, user).error).toMatch(
      new RegExp(`^linux\\.gidMappings: newgidmap refused.*hint: add "${user}:6:1" to /etc/subgid as root$`),
    );
  });

  test("says that no_new_privs keeps newuidmap from working", () => {
    expect(writeMapsAs("default", user, ["setpriv", "--no-new-privs"]).error).toMatch(
      /newuidmap refused the id map: .*no_new_privs set.*; hint: start brun without it/,
    );
  });
});

describe.skipIf(
  root || !installed || loadSubids(currentCaller().uid, currentCaller().userName).uid.length === 0,
)("writeMaps as the user of the tests", () => {
  test("maps the caller and its subordinate ids", () => {
    expect(writeMapsAs("default").error).toBeUndefined();
  });
});
