/** Descriptors for a brun process that have no name in any directory. */

import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A file that has no name, so that nothing is left whatever happens. A process that has its descriptor opens it by
 * /proc/self/fd.
 */
export class Scratch {
  readonly fd: number;

  /** @param text what it begins with */
  constructor(text: string) {
    const dir = mkdtempSync(join(tmpdir(), "brun-api-"));
    try {
      this.fd = openSync(join(dir, "file"), "wx+", 0o600);
    } finally {
      rmSync(dir, { recursive: true });
    }
    writeSync(this.fd, text);
  }

  /** The text that has been written to it. */
  text(): string {
    return readFileSync(`/proc/self/fd/${this.fd}`, "utf8");
  }

  /** Closes it. */
  close(): void {
    closeSync(this.fd);
  }
}
