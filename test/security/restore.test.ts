/** What `brun restore` does to the host before CRIU is asked, which needs no CRIU (src/checkpoint/mount-points.ts). */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { isRoot } from "../support/caller.ts";

const SCRIPT = `
import { inOwnMounts, prepareRoot } from "${import.meta.dir}/../../src/checkpoint/mount-points.ts";
const [rootfs, mounts] = [process.argv.at(-2), JSON.parse(process.argv.at(-1))];
try {
  console.log(JSON.stringify(inOwnMounts(() => prepareRoot(rootfs, mounts, "/"))));
} catch (error) {
  console.log(error.where + ": " + error.message);
}`;

function prepared(rootfs: string, mounts: readonly { destination: string; source: string }[]): string {
  const list = mounts.map((mount) => ({ ...mount, type: "bind", options: ["rbind"] }));
  const under = isRoot ? [] : ["unshare", "--user", "--map-root-user", "--mount"]; // it goes back to its mount namespace
  const argv = [...under, process.execPath, "-e", SCRIPT, rootfs, JSON.stringify(list)];
  return Bun.spawnSync(argv, { stderr: "inherit" }).stdout.toString();
}

test("a restore makes mount points in the root file system, and none in what is bound from the host", () => {
  const dir = mkdtempSync(`${tmpdir()}/brun-restore-`);
  try {
    for (const name of ["root", "volume", "volume/old", "other"]) mkdirSync(`${dir}/${name}`);
    // What a container has left: links that lead from the root into the volume, and out of both.
    symlinkSync("/data/made", `${dir}/root/link`);
    symlinkSync(`${dir}/other/made`, `${dir}/volume/out`);
    const volume = { destination: "/data", source: `${dir}/volume` };
    const other = (destination: string) => ({ destination, source: `${dir}/other` });
    expect(JSON.parse(prepared(`${dir}/root`, [volume, other("/data/old"), other("/mnt/new")]))).toEqual([
      { key: "/data", val: `${dir}/volume` },
      { key: "/data/old", val: `${dir}/other` },
      { key: "/mnt/new", val: `${dir}/other` },
    ]);
    expect(existsSync(`${dir}/root/mnt/new`)).toBe(true);
    for (const missing of ["/data/new", "/data/new/deep"]) {
      expect(prepared(`${dir}/root`, [volume, other(missing)])).toMatch(
        /^mounts\[1\]\.destination: the mount point .* is not there, and .* is mounted from the host\n$/,
      );
    }
    for (const link of ["/link/new", "/data/out/x"])
      expect(prepared(`${dir}/root`, [volume, other(link)])).toMatch(/: (cannot make )?the mount point /);
    expect(readdirSync(`${dir}/volume`).sort()).toEqual(["old", "out"]);
    expect(readdirSync(`${dir}/other`)).toEqual([]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
