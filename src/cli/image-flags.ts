/** The values of the flags for pulling images (pull-flags.ts). */
import { BrunError } from "../errors.ts";
import { ownPlatform, parsePlatform } from "../image/platform.ts";
import type { PullOptions, PullPolicy } from "../image/pull.ts";
import type { Credentials } from "../image/registry/credentials.ts";
import { askHidden, passwordInStdin } from "./ask.ts";
import { usernsOf } from "./container-flags.ts";
import type { Values } from "./flags.ts";
import type { Session } from "./globals.ts";
import { log } from "./log.ts";
import type { credsFlags, pullFlags } from "./pull-flags.ts";

const PULL_POLICIES: readonly PullPolicy[] = ["missing", "always", "newer", "never"];

/**
 * @param flag that it was given by
 * @throws BrunError (ERR_USAGE)
 */
export function policyOf(text: string, flag = "--pull"): PullPolicy {
  // podman also accepts the flag without a value.
  const word = text === "true" ? "always" : text === "false" ? "missing" : text;
  const policy = PULL_POLICIES.find((name) => name === word);
  if (policy !== undefined) return policy;
  throw new BrunError(`there is no policy "${text}"`, {
    code: "ERR_USAGE",
    where: flag,
    hint: PULL_POLICIES.join(", "),
  });
}

/** The flags as options. Throws a BrunError. */
export function pullOptions(
  args: Values<typeof pullFlags> & { readonly userns: string | undefined },
  policy: PullPolicy,
  { values, log: logging }: Session,
): PullOptions {
  return {
    platform: args.platform === undefined ? ownPlatform() : parsePlatform(args.platform),
    policy,
    userns: usernsOf(args.userns) ?? "auto",
    rootless: rootlessOf(values.rootless),
    authFile: args.authfile,
    insecure: args["tls-verify"] === false,
    warn: (message) => log(logging, "warning", message),
  };
}

/**
 * --creds USER[:PASSWORD]; undefined without it. Asks for a missing password, or reads it from stdin. Throws a BrunError.
 * @param image the name for the question
 */
export async function credsOf(
  { creds: text, "password-stdin": isInStdin }: Values<typeof credsFlags>,
  image: string,
): Promise<Credentials | undefined> {
  const colon = text?.indexOf(":") ?? -1;
  if (isInStdin && (text === undefined || colon >= 0))
    throw new BrunError("it goes with --creds USER, without a password there", {
      code: "ERR_USAGE",
      where: "--password-stdin",
    });
  if (text === undefined) return undefined;
  const username = colon < 0 ? text : text.slice(0, colon);
  if (username === "")
    throw new BrunError("there is no user name in it", { code: "ERR_USAGE", where: "--creds", hint: CREDS });
  const given = colon < 0 ? undefined : text.slice(colon + 1);
  const password = given ?? (isInStdin ? passwordInStdin() : await askHidden("Password: ", image, CREDS));
  return { kind: "password", username, password };
}

const CREDS = "--creds USER:PASSWORD, or brun login";

/** `--rootless`. */
export function rootlessOf(text: string): boolean | "auto" {
  return text === "auto" || text === "" ? "auto" : /^(true|1|t)$/i.test(text);
}
