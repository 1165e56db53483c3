/**
 * Loads modules on demand. A process of brun lives for a few milliseconds. Each of brun's modules costs up to 0.1
 * ms of them, for mapping it and running its top level; consola costs 8 ms. So modules that most commands do not
 * need are not loaded at the start. Functions of the hot path are synchronous, so they cannot use the promises of
 * `import()`. `require` works, but has no types.
 *
 * The call of `require` has to be where the module is used, with a literal path: from these calls the bundler
 * knows how to split the code into chunks (scripts/bundle.ts).
 */

/**
 * A function that returns the module, and loads it on the first call.
 * @param load `() => require("./module.ts")`, with `Module` being its type: `typeof import("./module.ts")`
 */
export function lazy<Module>(load: () => unknown): () => Module {
  return load as () => Module;
}
