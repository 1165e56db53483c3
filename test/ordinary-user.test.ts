/** The unit tests as a user's `npm test` has them: tests are often started as root, which may do what a user may not. */
import { expect, test } from "bun:test";
import { realpathSync } from "node:fs";
import { isRoot, testUser } from "./support/caller.ts";
import { boxDir } from "./support/workspace.ts";

const ROOT = realpathSync(`${import.meta.dir}/..`);

/**
 * The checkout is another's, and may be where the user cannot go: it gets a copy, with the packages seen there by this
 * command alone.
 */
const THERE = `tar -C "$1" --exclude=./node_modules --exclude=./.git --exclude=./.cache --exclude=./dist -c . | tar -C "$2" -x
chown -R "$3" "$2" && mkdir "$2/node_modules" && mount --bind "$1/node_modules" "$2/node_modules" && cd "$2" &&
shift 3 && exec "$@"`;

test.if(isRoot)(
  "the unit tests pass for an ordinary user",
  () => {
    const user = testUser();
    const dir = boxDir(user);
    const unit = ["node_modules/.bin/bun", "test", "--timeout=60000", "src", "rootless", "nsenter"];
    const { exitCode, stderr } = Bun.spawnSync(
      [
        "unshare",
        "--mount",
        "--propagation=private",
        "sh",
        "-c",
        THERE,
        "sh",
        ROOT,
        dir,
        `${user.uid}:${user.gid}`,
        ...user.prefix,
        ...unit,
      ],
      {
        env: { PATH: process.env.PATH, HOME: dir, USER: user.user },
        stderr: "pipe",
        stdout: "ignore",
      },
    );
    const said = stderr.toString();
    expect(said.match(/^\(fail\).*$|^error:.*$/gm) ?? []).toEqual([]);
    expect(exitCode).toBe(0);
    expect(Number(/^ *(\d+) pass$/m.exec(said)?.[1])).toBeGreaterThan(500);
  },
  300_000,
);
