/** Starting the process that unpacks (child.ts), and hearing what it says. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { UsernsMode } from "../../../rootless/default-ids.ts";
import { mapText } from "../../../rootless/idmap.ts";
import { callerIdentity, isRootless } from "../../container/root.ts";
import { startUnshared, unsharedConfig } from "../../container/unshare.ts";
import { BrunError, type ErrorCode } from "../../errors.ts";
import { quoted } from "../../printable.ts";
import { ownCommand } from "../../sys/environment.ts";
import { check } from "../../sys/error.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { close, O } from "../../sys/fs.ts";
import { inputFd, spawn, waitChild } from "../../sys/spawn.ts";
import { utf8 } from "../../sys/utf8.ts";
import { digestOf, hexOf } from "../digest.ts";
import type { Answer, Request } from "./child.ts";
import type { UnpackedLayer } from "./layer-data.ts";

/** In which ids files are unpacked. */
export interface UnpackIds {
  /** Names them in the store: files of one map are of no use in another. */
  readonly name: string;
  /** Null where there is no user namespace: root of the machine. */
  readonly userns: UsernsMode | null;
}

const NAMESPACES = ["mount", "network", "ipc", "uts"] as const;

/**
 * The ids of a container with a root file system of its own, as --userns says.
 * @param rootless whether containers get a user namespace; undefined unless the caller is root with all that it takes
 * @throws BrunError they cannot be had
 */
export function unpackIds(userns: UsernsMode, rootless: boolean | "auto" = "auto"): UnpackIds {
  const caller = callerIdentity();
  if (!(rootless === "auto" ? isRootless(caller) : rootless)) return { name: "root", userns: null };
  const { maps } = unsharedConfig({ args: ["true"], environment: [], namespaces: [], userns });
  const { uid, gid } = maps!;
  if (uid.length === 1 && uid[0]!.size === 1 && gid.length === 1 && gid[0]!.size === 1)
    return { name: "single", userns };
  const name = hexOf(digestOf(utf8(`${mapText(uid)}\n${mapText(gid)}`))).slice(0, 16);
  return { name: `ids-${name}`, userns };
}

/**
 * Has a request done in a process of its own.
 * @param input becomes its stdin, and stays the caller's; -1 for none
 * @param progress is told how many bytes of the input have been read
 * @throws BrunError it failed, with what it said
 */
export async function unpackProcess(
  request: Request,
  ids: UnpackIds,
  input = -1,
  progress: (bytes: number) => void = () => {},
): Promise<UnpackedLayer | null> {
  const pipe = new Int32Array(2);
  check(syscall(NR.pipe2, pipe, O.CLOEXEC), "make a pipe");
  const [reader, writer] = [pipe[0]!, pipe[1]!];
  let pid: number;
  // Without another input the request is it, since it can be larger than an argument may be.
  const text = JSON.stringify(request);
  const asked = input < 0 ? inputFd(text) : -1;
  try {
    pid = start(ids, asked < 0 ? text : "-", [asked < 0 ? input : asked, writer, 2]);
  } catch (error) {
    close(reader);
    throw error;
  } finally {
    close(writer);
    if (asked >= 0) close(asked);
  }
  let last: Answer | null = null;
  for await (const line of createInterface({ input: createReadStream("", { fd: reader }) })) {
    last = JSON.parse(line) as Answer;
    if ("progress" in last) progress(last.progress);
  }
  const status = waitChild(pid);
  if (last !== null && "layer" in last) return last.layer;
  if (last !== null && "done" in last) return null;
  if (last !== null && "failure" in last) throw failed(last.failure);
  throw new BrunError(
    `the process that unpacks ended by ${status.signal ? `signal ${status.signal}` : `code ${status.code}`}`,
    {
      hint: "without memory enough the kernel kills it: dmesg says so",
    },
  );
}

/** @param request JSON, or "-" when stdin is that */
function start(ids: UnpackIds, request: string, stdio: readonly [number, number, number]): number {
  const args = [...ownCommand(), "image-unpack", request];
  const environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];
  if (ids.userns === null) {
    const child = spawn({ path: args[0]!, argv: args, env: environment, stdio, dieToo: true });
    if (child.pidfd >= 0) close(child.pidfd);
    return child.pid;
  }
  const child = startUnshared({ args, environment, namespaces: NAMESPACES, stdio, userns: ids.userns });
  if (child.pidfd >= 0) close(child.pidfd);
  return child.pid;
}

function failed({ message, code, hint, entry }: Extract<Answer, { failure: unknown }>["failure"]): BrunError {
  return new BrunError(entry === null ? message : `${message} (at ${quoted(entry)})`, {
    code: code as ErrorCode,
    hint: hint ?? undefined,
  });
}
