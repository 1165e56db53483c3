/** --audit: the agent's record of executed programs, dialled addresses, and the memory of processes. */
import { addressText, unmapped } from "../../net/address.ts";
import { endpointOf, SOCKADDR_SIZE } from "../../net/socket.ts";
import type { Ears } from "../../seccomp/agent.ts";
import { syscallOf } from "../../seccomp/record/names.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { AT_FDCWD, close, O, readlink, readTextIfThere, tryOpen } from "../../sys/fs.ts";
import { existsInRoot } from "../../sys/in-root.ts";
import { fromUtf8 } from "../../sys/utf8.ts";

/** The system calls that the agent is notified of. */
export const AUDITED: readonly string[] = ["execve", "execveat", "connect", "exit_group"];

type Dialled = [address: string, port: number, count: number];

/** The agent's record. */
export interface Heard {
  /** The number of executions of each program, by its path. */
  readonly programs: readonly (readonly [path: string, count: number])[];
  /** The number of connect(2) calls for each address. Addresses that stand for names are among them. */
  readonly addresses: readonly Readonly<Dialled>[];
  /** The maximum of a process's memory in bytes. */
  readonly largest: number;
}

const PATH_MAX = 4096;
const MOST_ADDRESSES = 10_000;

/**
 * Makes the record. The memory of a process is read when it executes a program or ends.
 * @param request a JSON object, whose fields are in the result, too
 */
export function auditor(request: string): Ears {
  const programs = new Map<string, number>();
  const addresses = new Map<string, Dialled>();
  let largest = 0;
  return {
    hear(arch, nr, thread, args) {
      const name = syscallOf(arch, nr);
      if (name === "connect") {
        dialled(addresses, thread, args);
        return;
      }
      largest = Math.max(largest, mostMemory(thread));
      if (name === "exit_group") return;
      const path = name === "execve" ? pathOf(thread, args, 0) : pathAt(thread, args);
      if (path !== null && existsInRoot(`/proc/${thread}/root`, path))
        programs.set(path, (programs.get(path) ?? 0) + 1);
    },
    result(): string {
      const heard: Heard = { programs: [...programs], addresses: [...addresses.values()], largest };
      return JSON.stringify({ ...heard, ...JSON.parse(request) });
    },
  };
}

/**
 * Counts an address of connect(2). A program can dial any number of addresses, so only the first
 * {@link MOST_ADDRESSES} are counted.
 */
function dialled(addresses: Map<string, Dialled>, thread: number, args: DataView): void {
  const to = endpointOf(bytesAt(thread, args.getBigUint64(8, true), SOCKADDR_SIZE));
  if (to === null) return;
  const address = addressText(unmapped(to.address));
  const { port } = to;
  const known = addresses.get(`${address} ${port}`);
  if (known !== undefined) known[2] += 1;
  else if (addresses.size < MOST_ADDRESSES) addresses.set(`${address} ${port}`, [address, port, 1]);
}

/** Reads memory of the process. The result is shorter if not all of it is mapped. */
function bytesAt(thread: number, address: bigint, size: number): Uint8Array {
  const memory = tryOpen(`/proc/${thread}/mem`, O.RDONLY | O.CLOEXEC);
  if (memory < 0) return new Uint8Array(0);
  const bytes = new Uint8Array(size);
  const n = syscall(NR.pread64, memory, bytes, size, Number(address));
  close(memory);
  return bytes.subarray(0, Math.max(n, 0));
}

/** VmHWM of proc_pid_status(5) in bytes; 0 if the process has gone. */
function mostMemory(thread: number): number {
  const status = text(`/proc/${thread}/status`);
  return Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

function text(path: string): string {
  try {
    return readTextIfThere(path) ?? "";
  } catch {
    return "";
  }
}

/** The absolute path that an argument stands for. */
function pathOf(thread: number, args: DataView, index: number): string | null {
  const path = stringAt(thread, args.getBigUint64(8 * index, true));
  if (path === null || path === "") return null;
  return path.startsWith("/") ? path : joined(link(`/proc/${thread}/cwd`), path);
}

/** The path of execveat(2): below a directory, or of the descriptor itself. */
function pathAt(thread: number, args: DataView): string | null {
  const directory = args.getInt32(0, true);
  const path = stringAt(thread, args.getBigUint64(8, true));
  if (path?.startsWith("/")) return path;
  if (path === null) return null;
  const from = link(directory === AT_FDCWD ? `/proc/${thread}/cwd` : `/proc/${thread}/fd/${directory}`);
  return path === "" ? from : joined(from, path);
}

function joined(directory: string | null, path: string): string | null {
  return directory === null ? null : `${directory === "/" ? "" : directory}/${path.replace(/^(\.\/+)+/, "")}`;
}

function link(path: string): string | null {
  try {
    return readlink(path);
  } catch {
    return null;
  }
}

/** Reads a string of the process's memory. */
function stringAt(thread: number, address: bigint): string | null {
  const bytes = bytesAt(thread, address, PATH_MAX);
  const end = bytes.indexOf(0);
  return end < 0 ? null : fromUtf8(bytes.subarray(0, end));
}
