/** Marks of holes in a text that is a hole itself. */
import { HOLE_MARK, type Hole } from "./file-abi.ts";

/** The character that stands for a hole in a {@link Hole.text}. */
export function holeMark(hole: Hole): string {
  return String.fromCharCode(HOLE_MARK + hole);
}
