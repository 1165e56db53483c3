/** Marks for texts on a terminal. */
import { type Marks, plain } from "../explain/text.ts";
import { variable } from "../sys/environment.ts";
import { lazy } from "../sys/lazy.ts";
import { isTerminal } from "./output.ts";

const consolaModule = lazy<typeof import("consola/utils")>(() => require("consola/utils"));

/** consola's colours when the descriptor is a terminal. */
export function marks(fd: number): Marks {
  if (!isTerminal(fd) || variable("NO_COLOR")) return plain;
  const { colors } = consolaModule();
  return { title: colors.bold, dim: colors.dim };
}
