/** Values of flags that choose how something is done. Data alone. */

/** How ids are chosen: `--userns`. keep-id: the caller has its own ids inside, as with podman. */
export const USERNS_MODES = ["auto", "single", "range", "keep-id"] as const;
export type UsernsMode = (typeof USERNS_MODES)[number];

/** `--proc`: auto mounts a procfs, and binds the outer one where that is refused. */
export const PROC_MODES = ["auto", "mount", "bind"] as const;
export type ProcMode = (typeof PROC_MODES)[number];
