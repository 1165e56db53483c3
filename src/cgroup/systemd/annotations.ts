/** Annotations "org.systemd.property.NAME": properties of the container's unit (runc, docs/systemd.md). */
import { BrunError } from "../../errors.ts";
import { quoted } from "../../printable.ts";
import { joinPath } from "../../spec/json.ts";
import { type Property, parseValue } from "./value.ts";

const PREFIX = "org.systemd.property.";
const MICROSECONDS = 1_000_000;

/** The properties that annotations set. Throws a BrunError for an invalid name or value. */
export function annotatedProperties(annotations: Readonly<Record<string, string>> | undefined): Property[] {
  return Object.entries(annotations ?? {}).flatMap(([key, source]) => {
    if (!key.startsWith(PREFIX)) return [];
    const where = joinPath("annotations", key);
    const name = key.slice(PREFIX.length);
    if (!/^[A-Za-z]{3,}$/.test(name)) {
      throw new BrunError(`${quoted(name)} is not the name of a property`, { where });
    }
    const value = parseValue(source);
    if (value === null) {
      throw new BrunError(`cannot read ${quoted(source)}`, {
        where,
        hint: "a value looks like true, 5, uint64 5, 'text' or ['a', 'b']",
      });
    }
    if (!/[a-z]Sec$/.test(name)) return [{ name, value }];
    // The documented unit is seconds, but the bus wants microseconds.
    if (typeof value.value !== "bigint" && typeof value.value !== "number") {
      throw new BrunError(`${where}: expected a number of seconds`, { where });
    }
    const micros = BigInt(Math.trunc(Number(value.value) * MICROSECONDS));
    return [{ name: name.replace(/Sec$/, "USec"), value: { type: "t", value: micros } as const }];
  });
}
