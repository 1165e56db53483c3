/** A mistake in a config. */
export interface Mistake {
  /** The config path, such as "mounts[3].destination"; "" for the whole config. */
  readonly path: string;
  /** The mistake, as a text that follows the path. */
  readonly text: string;
}

/** The results of the semantic checks. Warnings and notes are lines that begin with a config path. */
export interface Findings {
  /** The spec cannot be run. */
  readonly errors: Mistake[];
  /** The spec can be run, but not as requested, or not in the future. The user should change it. */
  readonly warnings: string[];
  /**
   * Settings without effect that need no change, and that every runtime accepts silently; for
   * `--debug` and `brun explain`.
   */
  readonly notes: string[];
}
