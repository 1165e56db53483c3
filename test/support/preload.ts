/** Loaded before every test run (bunfig.toml). Removes the workspace after the last test. */
import { afterAll } from "bun:test";
import { removeWorkspace } from "./workspace.ts";

afterAll(removeWorkspace);
