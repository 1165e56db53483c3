/** What the semantic checks have found, each one a line that begins with a config path. */
export interface Findings {
  /** The spec cannot be run. */
  readonly errors: string[];
  /** It can, but not all of it has an effect, or not for ever. */
  readonly warnings: string[];
}
