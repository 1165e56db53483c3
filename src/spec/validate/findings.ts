/** A mistake in a config. */
export interface Mistake {
  /** Config path: "mounts[3].destination"; "" for the whole of it. */
  readonly path: string;
  /** What is wrong with it; stands behind the path. */
  readonly text: string;
}

/** What the semantic checks have found. Warnings and notes are lines that begin with a config path. */
export interface Findings {
  /** The spec cannot be run. */
  readonly errors: Mistake[];
  /** It can, but it is not what was asked for, or not for ever: a person should act on it. */
  readonly warnings: string[];
  /** It has no effect and needs none: what every runtime takes in silence, for `--debug` and `brun explain`. */
  readonly notes: string[];
}
