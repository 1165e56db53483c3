/** The systemd manager that makes a container's cgroup: the system manager for root, the user manager for others. */

import { BrunError } from "../../errors.ts";
import { variable } from "../../sys/environment.ts";
import { NR, syscall } from "../../sys/ffi.ts";
import { exists } from "../../sys/fs.ts";
import { utf8 } from "../../sys/utf8.ts";
import type { SystemdUnit } from "../types.ts";
import { Bus, BusError } from "./bus.ts";
import { bool, type Property, text } from "./value.ts";

/** The addresses of a manager, best first. The flag tells whether an address is the private socket. */
function addresses(user: boolean): (readonly [string, boolean])[] {
  if (!user) {
    return [
      ["unix:path=/run/dbus/system_bus_socket", false],
      ["unix:path=/run/systemd/private", true],
    ];
  }
  const [address, XDG_RUNTIME_DIR] = [variable("DBUS_SESSION_BUS_ADDRESS"), variable("XDG_RUNTIME_DIR")];
  const directory = XDG_RUNTIME_DIR?.startsWith("/") ? XDG_RUNTIME_DIR : `/run/user/${syscall(NR.geteuid)}`;
  const found: [string, boolean][] = [];
  if (address) found.push([address, false]);
  if (exists(`${directory}/bus`)) found.push([`unix:path=${escaped(`${directory}/bus`)}`, false]);
  const own = `${directory}/systemd/private`;
  if (exists(own)) found.push([`unix:path=${escaped(own)}`, true]);
  return found;
}

/** Escapes a path for a D-Bus address (dbus specification, "Server Addresses"). */
function escaped(path: string): string {
  return [...utf8(path)]
    .map((byte) => {
      const c = String.fromCharCode(byte);
      return /[-\w/.*\\]/.test(c) ? c : `%${byte.toString(16).padStart(2, "0")}`;
    })
    .join("");
}

interface Connected {
  readonly bus: Bus;
  readonly controlGroup: string;
}

const connections = new Map<boolean, Connected | null>();

/** Connects once and keeps the connection. Null if no manager answers. */
function connect(user: boolean): Connected | null {
  const known = connections.get(user);
  if (known !== undefined) return known;
  let connected: Connected | null = null;
  for (const [address, direct] of addresses(user)) {
    const bus = Bus.open(address, direct);
    if (bus === null) continue;
    try {
      connected = { bus, controlGroup: bus.managerProperty("ControlGroup") };
      break;
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      bus.close();
    }
  }
  connections.set(user, connected);
  return connected;
}

/** The manager's own control group ("/" for the system manager), or null if it does not answer. */
export function managerControlGroup(user: boolean): string | null {
  const connected = connect(user);
  return connected === null ? null : connected.controlGroup || "/";
}

function busOf(unit: SystemdUnit): Bus {
  const connected = connect(unit.user);
  if (connected !== null) return connected.bus;
  throw new BrunError(`systemd's ${unit.user ? "user" : "system"} manager does not answer`, {
    hint: `systemctl ${unit.user ? "--user " : ""}status has to work`,
  });
}

/** The version of the manager, such as 252. */
export function managerVersion(unit: SystemdUnit): number {
  return Number.parseInt(/\d+/.exec(busOf(unit).managerProperty("Version"))?.[0] ?? "0", 10);
}

const UNIT_EXISTS = "org.freedesktop.systemd1.UnitExists";

/**
 * Starts the transient unit with a process in it and waits until systemd has made its cgroup.
 * @param pid in brun's pid namespace; its uid on the host has to be brun's, otherwise systemd refuses it
 * @throws BrunError systemd's own message
 */
export function startUnit(unit: SystemdUnit, id: string, pid: number, properties: readonly Property[]): void {
  const bus = busOf(unit);
  const isSlice = unit.name.endsWith(".slice");
  const given = new Set(properties.map((property) => property.name));
  const all: Property[] = [
    text("Description", `brun container ${id}`),
    isSlice ? { name: "Wants", value: { type: "as", value: [unit.slice] } } : text("Slice", unit.slice),
    ...(isSlice ? [] : [bool("Delegate", true)]),
    { name: "PIDs", value: { type: "au", value: [pid] } },
    ...["MemoryAccounting", "CPUAccounting", "IOAccounting", "TasksAccounting"].map((name) =>
      bool(name, true),
    ),
    bool("DefaultDependencies", false),
    // A unit whose process the kernel killed for lack of memory has failed. Without this it would stay.
    ...(given.has("CollectMode") ? [] : [text("CollectMode", "inactive-or-failed")]),
    ...properties,
  ];
  const start = () =>
    bus.callJob(
      "StartTransientUnit",
      { type: "s", value: unit.name },
      { type: "s", value: "replace" },
      { type: "properties", value: all },
      NO_AUXILIARY_UNITS,
    );
  let result: string;
  try {
    result = start();
  } catch (error) {
    if (!(error instanceof BusError) || error.error !== UNIT_EXISTS) throw error;
    // A failed unit of this name blocks the new one until it is reset. A running unit is not affected, and makes
    // the second start fail, too.
    resetFailed(unit);
    result = start();
  }
  if (result === "done") return;
  resetFailed(unit);
  throw new BrunError(`systemd could not start ${unit.name}: ${result}`, {
    hint: `journalctl ${unit.user ? "--user " : ""}-u ${unit.name} says why`,
  });
}

/** The fourth argument of StartTransientUnit, a(sa(sv)), which is always empty. */
const NO_AUXILIARY_UNITS = { type: "units" } as const;

/** Sets properties until the unit ends. Throws a BrunError. */
export function setUnitProperties(unit: SystemdUnit, properties: readonly Property[]): void {
  if (properties.length === 0) return;
  busOf(unit).call(
    "SetUnitProperties",
    { type: "s", value: unit.name },
    { type: "b", value: true },
    { type: "properties", value: properties },
  );
}

/** Moves a process into the unit's cgroup, or into one below it ("/sub"). Throws a BrunError. */
export function attachToUnit(unit: SystemdUnit, subgroup: string, pid: number): void {
  busOf(unit).call(
    "AttachProcessesToUnit",
    { type: "s", value: unit.name },
    { type: "s", value: subgroup },
    { type: "au", value: [pid] },
  );
}

/** Stops the unit and waits for it; a unit that is gone is no error. Throws a BrunError. */
export function stopUnit(unit: SystemdUnit): void {
  try {
    busOf(unit).callJob("StopUnit", { type: "s", value: unit.name }, { type: "s", value: "replace" });
  } catch (error) {
    if (!(error instanceof BusError) || !error.error.endsWith(".NoSuchUnit")) throw error;
  }
  resetFailed(unit);
}

function resetFailed(unit: SystemdUnit): void {
  try {
    busOf(unit).call("ResetFailedUnit", { type: "s", value: unit.name });
  } catch (error) {
    if (!(error instanceof BusError)) throw error;
  }
}
