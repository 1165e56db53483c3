/** A seccomp agent: takes a container's notification descriptor and answers (seccomp_unotify(2)). */
import { NR, syscall } from "../../src/sys/ffi.ts";
import { close } from "../../src/sys/fs.ts";
import { until } from "./processes.ts";
import { FdReceiver, readable } from "./sockets.ts";

const SECCOMP_IOCTL_NOTIF_RECV = 0xc0502100;
const SECCOMP_IOCTL_NOTIF_SEND = 0xc0182101;
const FLAG_CONTINUE = 1;
const NOTIF_SIZE = 80;
const RESPONSE_SIZE = 24;

/** config-linux.md#containerprocessstate. */
export interface ProcessState {
  readonly ociVersion: string;
  readonly fds: readonly string[];
  readonly pid: number;
  readonly metadata?: string;
  readonly state: {
    readonly id: string;
    readonly status: string;
    readonly pid: number;
    readonly bundle: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

export class Agent implements Disposable {
  private readonly receiver: FdReceiver;
  private fd = -1;

  /** @param path of the socket on which it listens */
  constructor(path: string) {
    this.receiver = new FdReceiver(path);
  }

  /** Waits for a runtime, and returns the state that it sends. */
  async connected(): Promise<ProcessState> {
    const { fd, text } = await this.receiver.receiveMessage();
    this.fd = fd;
    return JSON.parse(text);
  }

  /** Waits for the next system call. An errno makes it fail; 0 lets it happen. */
  async answer(errno: number): Promise<void> {
    await until("a seccomp notification", () => readable(this.fd, 0));
    const request = new Uint8Array(NOTIF_SIZE);
    const received = syscall(NR.ioctl, this.fd, SECCOMP_IOCTL_NOTIF_RECV, request);
    if (received < 0) throw new Error(`SECCOMP_IOCTL_NOTIF_RECV: errno ${-received}`);
    const response = new Uint8Array(RESPONSE_SIZE);
    response.set(request.subarray(0, 8));
    const view = new DataView(response.buffer);
    view.setInt32(16, -errno, true);
    view.setUint32(20, errno === 0 ? FLAG_CONTINUE : 0, true);
    const sent = syscall(NR.ioctl, this.fd, SECCOMP_IOCTL_NOTIF_SEND, response);
    if (sent < 0) throw new Error(`SECCOMP_IOCTL_NOTIF_SEND: errno ${-sent}`);
  }

  [Symbol.dispose](): void {
    if (this.fd >= 0) close(this.fd);
    this.receiver[Symbol.dispose]();
  }
}
