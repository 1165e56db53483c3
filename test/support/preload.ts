/** Loaded before every test run (bunfig.toml): takes the workspace away after the last test. */
import { afterAll } from "bun:test";
import { removeWorkspace } from "./workspace.ts";

afterAll(removeWorkspace);
