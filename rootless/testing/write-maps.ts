/**
 * Run by mapping.test.ts as another user. Makes a process in a new user namespace and writes its maps. Prints
 * {uid, gid, setgroups} of that process as JSON, or {error} with brun's message.
 * usage: write-maps.ts '{"uid": IdMap[], "gid": IdMap[]}' | default
 */
import { BrunError } from "../../src/errors.ts";
import { NR, syscall } from "../../src/sys/ffi.ts";
import { readlink, readText } from "../../src/sys/fs.ts";
import { spawn, waitChild } from "../../src/sys/spawn.ts";
import { currentCaller } from "../caller.ts";
import { defaultMaps, type IdMaps } from "../idmap.ts";
import { writeMaps } from "../mapping.ts";
import { loadSubids } from "../subid.ts";
import { failure } from "./failure.ts";

const caller = currentCaller();
const subids = loadSubids(caller.uid, caller.userName);
const given = process.argv[2] ?? "default";
const maps: IdMaps =
  given === "default" ? defaultMaps(caller.uid, caller.gid, subids.uid, subids.gid).maps : JSON.parse(given);

const child = spawn({ path: "/usr/bin/unshare", argv: ["unshare", "--user", "sleep", "60"], env: [] });
try {
  const deadline = Date.now() + 10_000;
  while (readlink(`/proc/${child.pid}/ns/user`) === readlink("/proc/self/ns/user")) {
    if (Date.now() > deadline) throw new BrunError("unshare made no user namespace");
    Bun.sleepSync(1);
  }
  const started = performance.now();
  const error = failure(() => writeMaps(child.pid, maps, caller));
  const ms = performance.now() - started;
  const read = (name: string) => readText(`/proc/${child.pid}/${name}`).trim().replace(/ +/g, " ");
  const result =
    error === ""
      ? { caller, ms, uid: read("uid_map"), gid: read("gid_map"), setgroups: read("setgroups") }
      : { caller, ms, error };
  console.log(JSON.stringify(result));
} finally {
  syscall(NR.kill, child.pid, 9);
  waitChild(child.pid);
}
