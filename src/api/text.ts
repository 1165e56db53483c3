/** A stream that is read to its end as text, of which one has what has come so far. */
import type { Source } from "./streams.ts";

/** The type on which bun-types and Node's types agree. */
interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** Reads a stream; null is empty. */
export class Text {
  /** The text that has come so far. */
  text = "";
  /** Resolves at the stream's end; an error of the stream is one. */
  readonly end: Promise<void>;
  private readonly reader: Reader | null;

  constructor(stream: Source | null) {
    this.reader = stream === null ? null : stream.getReader();
    this.end = this.read();
    this.end.catch(() => {});
  }

  /** Reads no more. */
  stop(): void {
    this.reader?.cancel().catch(() => {});
  }

  private async read(): Promise<void> {
    if (this.reader === null) return;
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await this.reader.read();
      this.text += done ? decoder.decode() : decoder.decode(value, { stream: true });
      if (done) return;
    }
  }
}
