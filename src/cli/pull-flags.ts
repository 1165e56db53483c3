/** Flags for pulling images, which `image pull` and `run --image` share; names are podman's. */
import type { Flags } from "./flags.ts";

/** Flags of all commands that may pull. */
export const pullFlags = {
  platform: {
    type: "string",
    valueHint: "os/arch",
    description: "the platform of an image (default: this machine's): linux/arm64",
  },
  authfile: {
    type: "string",
    valueHint: "file",
    description: "logins: auth.json of podman, config.json of docker",
  },
  "tls-verify": {
    type: "boolean",
    optional: true,
    description: "check a registry's certificate (default: true)",
  },
} as const satisfies Flags;

/** Of `image pull` and `image push`. */
export const credsFlags = {
  creds: {
    type: "string",
    valueHint: "user[:password]",
    description: "the login for this command alone; it asks for a missing password",
  },
  "password-stdin": { type: "boolean", description: "read the password of --creds from stdin" },
} as const satisfies Flags;

/** When a registry is asked. */
export const pullPolicy = {
  type: "string",
  valueHint: "missing|always|newer|never",
  default: "missing",
  description: "with --image: when the registry is asked",
} as const;
