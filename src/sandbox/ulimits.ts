/** --ulimit NAME=SOFT[:HARD]: process.rlimits (podman-run(1)). */
import { BrunError } from "../errors.ts";
import type { Process } from "../spec/index.ts";
import { RLIMITS } from "../sys/constants.ts";

type Rlimit = NonNullable<Process["rlimits"]>[number];

const PREFIX = "RLIMIT_";

/** RLIM_INFINITY. */
const UNLIMITED = 2n ** 64n - 1n;

function amount(text: string): bigint {
  return text === "unlimited" || text === "-1" ? UNLIMITED : BigInt(text);
}

/** The limits. The last one of a name counts. Undefined without any. Throws a BrunError. */
export function ulimits(texts: readonly string[]): Rlimit[] | undefined {
  if (texts.length === 0) return undefined;
  const limits = new Map<string, Rlimit>();
  for (const text of texts) {
    const where = `--ulimit ${text}`;
    const match = /^(\w+)=(-1|unlimited|\d+)(?::(-1|unlimited|\d+))?$/.exec(text);
    if (match === null) {
      throw new BrunError(`${where} is no limit`, {
        code: "ERR_USAGE",
        where,
        hint: "such as nofile=1024 or nofile=1024:4096",
      });
    }
    const [, name = "", soft = "", hard = soft] = match;
    const long = `${PREFIX}${name.toUpperCase().replace(PREFIX, "")}`;
    const type = RLIMITS.find((known) => known === long);
    if (type === undefined) {
      const hint = RLIMITS.map((known) => known.slice(PREFIX.length).toLowerCase()).join(", ");
      throw new BrunError(`there is no limit "${name}"`, { code: "ERR_USAGE", where, hint });
    }
    if (amount(soft) > amount(hard)) {
      throw new BrunError("the soft limit is above the hard one", { code: "ERR_USAGE", where });
    }
    limits.set(type, { type, soft: amount(soft), hard: amount(hard) });
  }
  return [...limits.values()];
}
