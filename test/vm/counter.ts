/** A container whose process shows whether it goes on where it was. */
import { expect } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { until } from "../support/processes.ts";
import type { TestSpec } from "../support/spec.ts";
import { type Place, PlacedSandbox } from "./place.ts";

/** Counts in memory, and shows where it is in a file of the root. */
export const COUNT = "i=0; while :; do i=$((i+1)); echo $i >/count; usleep 20000; done";

/** Makes a container of {@link COUNT}. */
export const counting = (spec: TestSpec): void => {
  spec.process.args = ["/bin/sh", "-c", COUNT];
};

/** A container that counts. */
export class Counter {
  constructor(
    readonly box: PlacedSandbox,
    readonly id: string,
    readonly bundle: string,
  ) {}

  static async start(at: Place, box = new PlacedSandbox(at), edit = counting): Promise<Counter> {
    const [id, bundle] = [box.name(), box.bundle(edit)];
    await box.ok(["run", "--detach", "--bundle", bundle, id]);
    const counter = new Counter(box, id, bundle);
    await until("the counter", () => counter.value > 3);
    return counter;
  }

  get value(): number {
    const file = `${this.bundle}/rootfs/count`;
    return existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
  }

  images(name = "images"): string {
    return `${this.bundle}/${name}`;
  }

  checkpoint(...flags: string[]): Promise<string> {
    return this.box.ok(["checkpoint", "--image-path", this.images(), ...flags, this.id]);
  }

  restore(...flags: string[]): Promise<string> {
    return this.restoreFrom(this.images(), ...flags);
  }

  restoreFrom(images: string, ...flags: string[]): Promise<string> {
    return this.box.ok([
      ...["restore", "--detach", "--image-path", images, "--bundle", this.bundle],
      ...flags,
      this.id,
    ]);
  }

  /** Waits until it has gone on from `reached`, and not begun again. */
  async goesOn(reached: number): Promise<void> {
    writeFileSync(`${this.bundle}/rootfs/count`, "");
    await until("the counter to go on", () => this.value > 0);
    expect(this.value).toBeGreaterThanOrEqual(reached);
  }
}
