/** Arguments that the actions of `image` share. */

/** The command. */
export const name = "image";

/** What stands behind `image`. */
export const action = {
  type: "positional",
  valueHint: "pull|push|list|inspect|remove|prune|unpack|import|commit",
  description: "what to do",
} as const;
/** -q */
export const quiet = { type: "boolean", alias: "q", description: "print no more than names or ids" } as const;
