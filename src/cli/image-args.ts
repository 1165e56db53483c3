/** Arguments that the actions of `image` share. */

/** The command. */
export const name = "image";

/** What `image` can do. */
export const ACTIONS = ["pull", "push", "list", "inspect", "remove", "prune", "unpack", "import", "commit"];

/** The first argument of `image`. */
export const action = {
  type: "positional",
  valueHint: ACTIONS.join("|"),
  description: "what to do",
} as const;
/** -q */
export const quiet = { type: "boolean", alias: "q", description: "print no more than names or ids" } as const;
