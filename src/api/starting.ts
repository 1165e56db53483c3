/** A program that is being started. */
import type { Output } from "./process.ts";

/**
 * A program that will run. `await run(options).output()` waits for its end and returns its output.
 */
export interface Starting<T> extends Promise<T> {
  /** {@link Process.output} of the program. */
  output(): Promise<Output>;
  /** {@link Process.wait} of the program. */
  wait(): Promise<number>;
}

/** Adds the methods to a promise. */
export function starting<T extends { output(): Promise<Output>; wait(): Promise<number> }>(
  promise: Promise<T>,
  onOutput: (output: Promise<Output>) => void = () => {},
): Starting<T> {
  const outputOf = async () => (await promise).output();
  return Object.assign(promise, {
    output: async () => {
      const output = outputOf();
      onOutput(output);
      return await output;
    },
    wait: async () => (await promise).wait(),
  });
}
