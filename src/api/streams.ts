/**
 * Web streams on the API's ends of pipes, which are closed when the streams have ended. Node's net.Socket waits for pipes by
 * epoll. Bun's does not, so Bun.file is used there. node:fs works in both, but would block a thread for each pipe.
 */
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { Readable, Writable } from "node:stream";

/** A stream of what a program writes. */
export type Source = ReadableStream<Uint8Array<ArrayBuffer>>;
/** A stream of what a program reads. */
export type Sink = WritableStream<string | Uint8Array>;

const inBun = process.versions.bun !== undefined;

/** A stream that reads from a pipe. It owns the descriptor. */
export function readable(fd: number): Source {
  if (!inBun) {
    const socket = new Socket({ fd, readable: true, writable: false });
    return Readable.toWeb(socket) as unknown as Source;
  }
  let chunks: AsyncIterator<Uint8Array<ArrayBuffer>> | undefined;
  return new ReadableStream(
    {
      async pull(controller) {
        chunks ??= Bun.file(fd).stream()[Symbol.asyncIterator]();
        const { done, value } = await chunks.next();
        if (!done) return controller.enqueue(value);
        closeSync(fd);
        controller.close();
      },
      async cancel() {
        await chunks?.return?.();
        closeSync(fd);
      },
    },
    { highWaterMark: 0 },
  );
}

/** A stream that writes to a pipe. It owns the descriptor. If the reader has gone, the write fails with EPIPE. */
export function writable(fd: number): Sink {
  if (!inBun) {
    return Writable.toWeb(new Socket({ fd, readable: false, writable: true })) as unknown as Sink;
  }
  const sink = Bun.file(fd).writer();
  return new WritableStream({
    async write(chunk) {
      try {
        await sink.write(chunk);
        await sink.flush();
      } catch (error) {
        // After an error neither close nor abort is called.
        closeSync(fd);
        throw error;
      }
    },
    async close() {
      await sink.end();
      closeSync(fd);
    },
    async abort() {
      try {
        await sink.end();
      } catch {}
      closeSync(fd);
    },
  });
}
