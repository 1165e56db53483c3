import { expect, test } from "bun:test";
import { closest } from "./closest.ts";

const COMMANDS = [
  "run",
  "create",
  "start",
  "exec",
  "state",
  "list",
  "ps",
  "kill",
  "delete",
  "pause",
  "resume",
];

test.each([
  ["strat", "start"],
  ["exce", "exec"],
  ["runn", "run"],
  ["delet", "delete"],
  ["stat", "state"],
  ["dele", "delete"],
  ["rum", "run"],
  ["images", undefined],
  ["xy", undefined],
  ["", undefined],
])("%s", (typed, meant) => {
  expect(closest(typed, COMMANDS)).toBe(meant as string);
});
