/** Credential helpers: programs that keep logins, by the protocol of docker-credential-helpers. */
import { BrunError } from "../../errors.ts";
import { findProgram } from "../../host/find-program.ts";
import { printable, quoted } from "../../printable.ts";
import { parseJson } from "../../spec/json.ts";
import { environmentStrings } from "../../sys/environment.ts";
import { type RunResult, run } from "../../sys/spawn.ts";
import type { Credentials } from "./credentials.ts";

/** A helper, and the server under whose name it keeps a login. */
export interface Helper {
  /** The program is "docker-credential-NAME". */
  readonly name: string;
  readonly server: string;
}

const HELPER_TIMEOUT = 30_000;

/** The user name with which helpers keep identity tokens. */
const TOKEN_USER = "<token>";

/** The name of a helper's program. */
export function helperProgram({ name }: Helper): string {
  return `docker-credential-${name}`;
}

/** The login that a helper keeps; null if it has none. Throws a BrunError. */
export function loginOfHelper(helper: Helper): Credentials | null {
  const result = call(helper, "get", helper.server);
  if (isFailure(result)) {
    if (/not found|no credentials/i.test(result.output)) return null;
    throw failed(helper, result);
  }
  const program = helperProgram(helper);
  const json = parseJson(result.output, program) as { Username?: unknown; Secret?: unknown } | null;
  const { Username: username, Secret: secret } = json ?? {};
  if (typeof username !== "string" || typeof secret !== "string")
    throw new BrunError(`${program} printed no user name and secret`, { code: "ERR_UNAUTHORIZED" });
  return username === TOKEN_USER
    ? { kind: "identity token", token: secret }
    : { kind: "password", username, password: secret };
}

/** Has a helper keep a login. Throws a BrunError. */
export function keepByHelper(helper: Helper, username: string, password: string): void {
  const login = { ServerURL: helper.server, Username: username, Secret: password };
  const result = call(helper, "store", JSON.stringify(login));
  if (isFailure(result)) throw failed(helper, result);
}

/** Has a helper forget a login. Returns whether it had one. Throws a BrunError. */
export function forgetByHelper(helper: Helper): boolean {
  if (loginOfHelper(helper) === null) return false;
  const result = call(helper, "erase", helper.server);
  if (isFailure(result)) throw failed(helper, result);
  return true;
}

/** Runs a helper. What it writes to stderr is for the user. Throws a BrunError. */
function call(helper: Helper, action: "get" | "store" | "erase", input: string): RunResult {
  if (!/^[\w.-]+$/.test(helper.name))
    throw new BrunError(`${quoted(helper.name)} is no name of a credential helper`, { code: "ERR_CONFIG" });
  const program = helperProgram(helper);
  const path = findProgram(program);
  if (path === null) {
    throw new BrunError(`${program} is not found, which keeps the login of ${helper.server}`, {
      code: "ENOENT",
      hint: "install it, or take credHelpers and credsStore out of the file",
    });
  }
  const options = { path, argv: [program, action], env: environmentStrings(), processGroup: true };
  return run(options, input, HELPER_TIMEOUT, [-1, 2]);
}

function isFailure({ code, signal }: RunResult): boolean {
  return code !== 0 || signal !== 0;
}

function failed(helper: Helper, { output, timedOut, signal }: RunResult): BrunError {
  const [line = ""] = output.trim().split("\n");
  const why = timedOut
    ? `it did not answer within ${HELPER_TIMEOUT / 1000} s`
    : printable(line) || (signal === 0 ? "it says no reason" : `signal ${signal} ended it`);
  return new BrunError(`${helperProgram(helper)} failed: ${why}`, {
    code: "ERR_UNAUTHORIZED",
    hint: `it keeps the login of ${helper.server}`,
  });
}
