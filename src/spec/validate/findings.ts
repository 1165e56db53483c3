/** What the semantic checks have found, each one a line that begins with a config path. */
export interface Findings {
  /** The spec cannot be run. */
  readonly errors: string[];
  /** It can, but it is not what was asked for, or not for ever: a person should act on it. */
  readonly warnings: string[];
  /** It has no effect and needs none: what every runtime takes in silence, for `--debug` and `brun explain`. */
  readonly notes: string[];
}
