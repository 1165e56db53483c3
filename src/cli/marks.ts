/** Marks for texts on a terminal. */
import { type Marks, plain } from "../explain/text.ts";
import { variable } from "../sys/environment.ts";
import { isTerminal } from "./output.ts";

/** consola's colours when the descriptor is a terminal. */
export function marks(fd: number): Marks {
  if (!isTerminal(fd) || variable("NO_COLOR")) return plain;
  const { colors } = require("consola/utils") as typeof import("consola/utils");
  return { title: colors.bold, dim: colors.dim };
}
