/** Starting the process that unpacks (child.ts), and hearing what it says. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { startUnshared } from "../../container/lifecycle/unshare.ts";
import { BrunError, type ErrorCode } from "../../errors.ts";
import { quoted } from "../../printable.ts";
import { ownCommand } from "../../sys/environment.ts";
import { close } from "../../sys/fs.ts";
import { makePipe } from "../../sys/pipe.ts";
import { inputFd, spawn, waitChild } from "../../sys/spawn.ts";
import type { UnpackIds } from "../ids.ts";
import type { Answer, Request } from "./child.ts";

const NAMESPACES = ["mount", "network", "ipc", "uts"] as const;

/**
 * Has a request done in a process of its own.
 * @param input becomes its stdin, and stays the caller's; -1 for none
 * @param progress is told how many bytes of the input have been read
 * @returns the last that it said
 * @throws BrunError it failed, with what it said
 */
export async function unpackProcess(
  request: Request,
  ids: UnpackIds,
  input = -1,
  progress: (bytes: number) => void = () => {},
): Promise<Answer> {
  const { reader, writer } = makePipe();
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
  const { code, signal } = waitChild(pid);
  if (last !== null && "failure" in last) throw failed(last.failure);
  if (last !== null && code === 0 && signal === 0) return last;
  throw new BrunError(`the process that unpacks ended by ${signal ? `signal ${signal}` : `code ${code}`}`, {
    hint: "without memory enough the kernel kills it: dmesg says so",
  });
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
