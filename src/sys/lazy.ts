/**
 * Loading a module when it is wanted. A process of brun lives for a few milliseconds, and each module costs some of them:
 * up to 0.1 ms for one of brun's own, as it is mapped and its top level runs, 8 ms for consola. What most commands do not
 * need is left out of their start. A function of the hot path is synchronous, so that `import()`, which gives a promise,
 * does not serve; `require` does, and has no types.
 *
 * The call of `require` stands where the module is used, with its path as a literal: the bundler cuts the code into chunks
 * by that (scripts/bundle.ts).
 */

/**
 * A function that gives the module, and loads it the first time.
 * @param load `() => require("./module.ts")`, of the module that `Module` is the type of: `typeof import("./module.ts")`
 */
export function lazy<Module>(load: () => unknown): () => Module {
  return load as () => Module;
}
