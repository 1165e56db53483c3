/** Receivers for --console-socket, --pidfd-socket and NOTIFY_SOCKET. */
import { chmodSync } from "node:fs";
import { addressOf, NR, syscall } from "../../src/sys/ffi.ts";
import { close } from "../../src/sys/fs.ts";
import { bindUnix, connectUnix, SOCK_DGRAM, SOCK_STREAM } from "../../src/sys/socket.ts";

const POLLIN = 1;
const MSG_DONTWAIT = 0x40;

/** Whether a descriptor can be read within `timeoutMs` (0: at once). */
export function readable(fd: number, timeoutMs: number): boolean {
  const poll = new Int32Array([fd, POLLIN]);
  const timeout = new BigInt64Array([BigInt(Math.floor(timeoutMs / 1000)), BigInt((timeoutMs % 1000) * 1e6)]);
  return syscall(NR.ppoll, poll, 1, timeout, 0, 8) > 0;
}

/** A listening stream socket that receives one descriptor per connection. */
export class FdReceiver implements Disposable {
  private readonly socket: number;

  constructor(path: string) {
    this.socket = bindUnix(path, SOCK_STREAM);
    chmodSync(path, 0o777);
    syscall(NR.listen, this.socket, 8);
  }

  /** Receives the next descriptor. Throws an Error after the timeout. */
  async receive(timeoutMs = 10000): Promise<number> {
    return (await this.receiveMessage(timeoutMs)).fd;
  }

  /** Receives the next descriptor and its text. Throws an Error after the timeout. */
  async receiveMessage(timeoutMs = 10000): Promise<{ fd: number; text: string }> {
    const deadline = performance.now() + timeoutMs;
    while (!readable(this.socket, 0)) {
      if (performance.now() > deadline) throw new Error(`nothing sent to the socket in ${timeoutMs} ms`);
      await Bun.sleep(5);
    }
    const connection = syscall(NR.accept4, this.socket, 0, 0, 0o2000000);
    try {
      if (!readable(connection, timeoutMs)) throw new Error("connected, but nothing sent");
      return receiveFd(connection);
    } finally {
      close(connection);
    }
  }

  [Symbol.dispose](): void {
    close(this.socket);
  }
}

/** Calls recvmsg(2) for at least one byte with one SCM_RIGHTS descriptor. */
function receiveFd(connection: number): { fd: number; text: string } {
  const data = new Uint8Array(65536);
  const iov = new BigUint64Array([BigInt(addressOf(data)), BigInt(data.length)]);
  const control = new Uint8Array(24);
  const msghdr = new BigUint64Array(7);
  msghdr[2] = BigInt(addressOf(iov));
  msghdr[3] = 1n;
  msghdr[4] = BigInt(addressOf(control));
  msghdr[5] = 24n;
  const n = syscall(NR.recvmsg, connection, msghdr, 0);
  const view = new DataView(control.buffer);
  if (n <= 0 || view.getUint32(0, true) !== 20 || view.getInt32(12, true) !== 1) {
    throw new Error(`received ${n} bytes without a descriptor`);
  }
  return { fd: view.getInt32(16, true), text: new TextDecoder().decode(data.subarray(0, n)) };
}

/** A datagram socket that collects messages, as systemd's NOTIFY_SOCKET. */
export class NotifySocket implements Disposable {
  private readonly socket: number;

  constructor(readonly path: string) {
    this.socket = bindUnix(path, SOCK_DGRAM);
    chmodSync(path, 0o777);
  }

  /** The lines of all messages so far, in order. */
  lines(): string[] {
    const found: string[] = [];
    const buffer = new Uint8Array(4096);
    while (readable(this.socket, 0)) {
      const n = syscall(NR.recvfrom, this.socket, buffer, buffer.length, MSG_DONTWAIT, 0, 0);
      if (n > 0) found.push(...new TextDecoder().decode(buffer.subarray(0, n)).split("\n").filter(Boolean));
    }
    return found;
  }

  [Symbol.dispose](): void {
    close(this.socket);
  }
}

/** Sends one datagram to a unix socket, as sd_notify(3) does. */
export function sendDatagram(path: string, text: string): void {
  const socket = connectUnix(path, SOCK_DGRAM);
  const bytes = Buffer.from(text);
  syscall(NR.write, socket, bytes, bytes.length);
  close(socket);
}
