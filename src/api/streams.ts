/** Web streams on our ends of pipes, which are closed when the streams have ended. */
import { closeSync } from "node:fs";

/** What is read from a pipe. Takes the descriptor over. */
export function readable(fd: number): ReadableStream<Uint8Array<ArrayBuffer>> {
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

/** What is written to a pipe. Takes the descriptor over. A reader that has gone is an error of the write, EPIPE. */
export function writable(fd: number): WritableStream<string | Uint8Array> {
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

/** Reads to the end. */
export async function drained(fd: number): Promise<void> {
  for await (const _ of readable(fd));
}
