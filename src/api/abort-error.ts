/** The error of a call that was ended before it was done. */
import { BrunError } from "../errors.ts";

/**
 * The program, or what brun was doing, was ended because an AbortSignal said so (code ABORT_ERR) or its time was over
 * (ERR_TIMEOUT; the signals of `AbortSignal.timeout()` too). The signal's reason is its `cause`.
 */
export class AbortError extends BrunError {
  override readonly name = "AbortError";
  declare readonly code: "ABORT_ERR" | "ERR_TIMEOUT";
  /** What {@link Process.output} had read by then; otherwise "". */
  readonly stdout: string;
  /** What {@link Process.output} had read of stderr by then; otherwise "". */
  readonly stderr: string;

  /** @internal */
  constructor(
    private readonly ended: AbortSignal | number,
    private readonly what = "the program",
    output: Partial<Pick<AbortError, "stdout" | "stderr">> = {},
  ) {
    const cause = typeof ended === "number" ? undefined : ended.reason;
    const timeout = typeof ended === "number" || cause?.name === "TimeoutError";
    const message =
      typeof ended === "number"
        ? `${what} was ended, because it takes longer than ${ended} ms`
        : `${what} was ended by an AbortSignal: ${cause instanceof Error ? cause.message : String(cause)}`;
    super(message, { code: timeout ? "ERR_TIMEOUT" : "ABORT_ERR", cause });
    this.stdout = output.stdout ?? "";
    this.stderr = output.stderr ?? "";
  }

  /** @internal The same with what has been read. */
  withOutput(stdout: string, stderr: string): AbortError {
    return new AbortError(this.ended, this.what, { stdout, stderr });
  }
}
