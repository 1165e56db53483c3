/** A connection to a systemd manager, over its message bus or its private socket. Every wait has a time-out. */
import { CString, type Pointer } from "bun:ffi";
import { BrunError } from "../../errors.ts";
import { E, errnoName, errnoText } from "../../sys/errno.ts";
import { SysError } from "../../sys/error.ts";
import { addressOf, cstr } from "../../sys/ffi.ts";
import { type Libsystemd, libsystemd } from "./library.ts";
import type { Property, Value } from "./value.ts";

const DESTINATION = "org.freedesktop.systemd1";
const PATH = "/org/freedesktop/systemd1";
const MANAGER = "org.freedesktop.systemd1.Manager";

const CALL_TIMEOUT_US = 10_000_000;
const JOB_TIMEOUT_MS = 30_000;

/** A failed method call: the D-Bus error name and systemd's message. */
export class BusError extends BrunError {
  constructor(
    readonly error: string,
    message: string,
  ) {
    super(message);
  }
}

/** Arguments of methods: a value, properties a(sv), or the empty a(sa(sv)) at the end of StartTransientUnit. */
type Argument =
  | Value
  | { readonly type: "properties"; readonly value: readonly Property[] }
  | { readonly type: "units" };

/** See file. */
export class Bus {
  private subscribed = false;

  private constructor(
    private readonly lib: Libsystemd,
    private readonly bus: Pointer,
  ) {}

  /**
   * Connects, without waiting for an answer of the manager. Null if there is no libsystemd or no socket at the
   * address.
   * @param direct the address is the manager's private socket, not that of a message bus
   */
  static open(address: string, direct: boolean): Bus | null {
    const lib = libsystemd();
    if (lib === null) return null;
    const out = new BigUint64Array(1);
    if (lib.sd_bus_new(pointer(out)) < 0) return null;
    const bus = taken(out);
    lib.sd_bus_set_address(bus, pointer(cstr(address)));
    if (!direct) lib.sd_bus_set_bus_client(bus, 1);
    lib.sd_bus_set_method_call_timeout(bus, BigInt(CALL_TIMEOUT_US));
    if (lib.sd_bus_start(bus) >= 0) return new Bus(lib, bus);
    lib.sd_bus_flush_close_unref(bus);
    return null;
  }

  close(): void {
    this.lib.sd_bus_flush_close_unref(this.bus);
  }

  /** A string property of the manager. Throws a BusError. */
  managerProperty(name: string): string {
    const out = new BigUint64Array(1);
    const error = new BigUint64Array(3);
    const result = this.lib.sd_bus_get_property_string(
      this.bus,
      pointer(cstr(DESTINATION)),
      pointer(cstr(PATH)),
      pointer(cstr(MANAGER)),
      pointer(cstr(name)),
      pointer(error),
      pointer(out),
    );
    if (result < 0) throw this.failure(`read the property ${name}`, result, error);
    return new CString(taken(out)).toString();
  }

  /** Calls a method of the manager and drops its reply. Throws a BusError. */
  call(member: string, ...args: readonly Argument[]): void {
    this.lib.sd_bus_message_unref(this.request(member, args));
  }

  /** Calls a method that starts a job, and waits for its end. Returns systemd's result: "done", "failed", … */
  callJob(member: string, ...args: readonly Argument[]): string {
    if (!this.subscribed) {
      const match = `type='signal',interface='${MANAGER}',member='JobRemoved'`;
      const result = this.lib.sd_bus_add_match(this.bus, null, pointer(cstr(match)), null, null);
      if (result < 0) throw new SysError("subscribe to systemd's signals", -result);
      this.call("Subscribe");
      this.subscribed = true;
    }
    const reply = this.request(member, args);
    const job = this.readString(reply, "o");
    this.lib.sd_bus_message_unref(reply);
    return this.awaitJob(job);
  }

  private awaitJob(job: string): string {
    const deadline = performance.now() + JOB_TIMEOUT_MS;
    const out = new BigUint64Array(1);
    for (;;) {
      out[0] = 0n;
      const processed = this.lib.sd_bus_process(this.bus, pointer(out));
      if (processed < 0) throw new SysError("listen to systemd", -processed);
      if (out[0] !== 0n) {
        const message = taken(out);
        const result = this.jobResult(message, job);
        this.lib.sd_bus_message_unref(message);
        if (result !== null) return result;
      }
      if (processed > 0) continue;
      const left = deadline - performance.now();
      if (left <= 0) throw new BrunError(`systemd has not ended ${job} after ${JOB_TIMEOUT_MS / 1000} s`);
      this.lib.sd_bus_wait(this.bus, BigInt(Math.ceil(left * 1000)));
    }
  }

  /** The result if the message reports the end of the job (JobRemoved: id, job, unit, result), otherwise null. */
  private jobResult(message: Pointer, job: string): string | null {
    if (this.lib.sd_bus_message_is_signal(message, pointer(cstr(MANAGER)), pointer(cstr("JobRemoved"))) <= 0)
      return null;
    this.lib.sd_bus_message_read_basic(message, code("u"), pointer(new BigUint64Array(1)));
    if (this.readString(message, "o") !== job) return null;
    this.readString(message, "s");
    return this.readString(message, "s");
  }

  private readString(message: Pointer, type: "s" | "o"): string {
    const out = new BigUint64Array(1);
    const result = this.lib.sd_bus_message_read_basic(message, code(type), pointer(out));
    if (result <= 0) throw new SysError("read systemd's answer", result < 0 ? -result : E.ENXIO);
    return new CString(taken(out)).toString();
  }

  /** Calls a method. The caller has to unref the reply. */
  private request(member: string, args: readonly Argument[]): Pointer {
    const { lib } = this;
    const out = new BigUint64Array(1);
    const made = lib.sd_bus_message_new_method_call(
      this.bus,
      pointer(out),
      pointer(cstr(DESTINATION)),
      pointer(cstr(PATH)),
      pointer(cstr(MANAGER)),
      pointer(cstr(member)),
    );
    if (made < 0) throw new SysError(`ask systemd for ${member}`, -made);
    const message = taken(out);
    const error = new BigUint64Array(3);
    try {
      for (const arg of args) this.append(message, arg);
      const reply = new BigUint64Array(1);
      const result = lib.sd_bus_call(
        this.bus,
        message,
        BigInt(CALL_TIMEOUT_US),
        pointer(error),
        pointer(reply),
      );
      if (result < 0) throw this.failure(member, result, error);
      return taken(reply);
    } finally {
      lib.sd_bus_message_unref(message);
    }
  }

  private append(message: Pointer, arg: Argument): void {
    if (arg.type === "units") {
      this.within(message, "a", "(sa(sv))", () => undefined);
      return;
    }
    if (arg.type !== "properties") {
      this.appendValue(message, arg);
      return;
    }
    this.within(message, "a", "(sv)", () => {
      for (const { name, value } of arg.value) {
        this.within(message, "r", "sv", () => {
          this.appendBasic(message, "s", name);
          this.within(message, "v", value.type, () => this.appendValue(message, value));
        });
      }
    });
  }

  private appendValue(message: Pointer, value: Value): void {
    switch (value.type) {
      case "s":
        this.appendBasic(message, "s", value.value);
        return;
      case "as":
        this.within(message, "a", "s", () => {
          for (const item of value.value) this.appendBasic(message, "s", item);
        });
        return;
      case "a(ss)":
        this.within(message, "a", "(ss)", () => {
          for (const pair of value.value) {
            this.within(message, "r", "ss", () => {
              for (const item of pair) this.appendBasic(message, "s", item);
            });
          }
        });
        return;
      case "au":
        this.appendArray(message, "u", new Uint32Array(value.value));
        return;
      case "ay":
        this.appendArray(message, "y", value.value);
        return;
      case "d":
        this.appendBasic(message, "d", new Float64Array([value.value]));
        return;
      case "b":
        this.appendBasic(message, "b", new Int32Array([value.value ? 1 : 0]));
        return;
      default:
        // The machine is little-endian, so a shorter integer is in the low bytes of the 64-bit one.
        this.appendBasic(message, value.type, new BigUint64Array([BigInt.asUintN(64, value.value)]));
    }
  }

  private appendBasic(message: Pointer, type: string, value: string | NodeJS.TypedArray): void {
    const data = typeof value === "string" ? cstr(value) : value;
    built(this.lib.sd_bus_message_append_basic(message, code(type), pointer(data)));
  }

  private appendArray(message: Pointer, type: string, data: Uint8Array | Uint32Array): void {
    const address = data.byteLength === 0 ? null : pointer(data);
    built(this.lib.sd_bus_message_append_array(message, code(type), address, BigInt(data.byteLength)));
  }

  private within(message: Pointer, type: string, contents: string, fill: () => void): void {
    built(this.lib.sd_bus_message_open_container(message, code(type), pointer(cstr(contents))));
    fill();
    built(this.lib.sd_bus_message_close_container(message));
  }

  /** An error from a struct sd_bus_error: name and message, or the errno if the struct is empty. */
  private failure(doing: string, result: number, error: BigUint64Array): BusError {
    const string = (address: bigint) =>
      address === 0n ? "" : new CString(Number(address) as Pointer).toString();
    const [name, message] = [string(error[0]!), string(error[1]!)];
    this.lib.sd_bus_error_free(pointer(error));
    return new BusError(
      name,
      `systemd: ${doing}: ${message || `${errnoText(-result)} (${errnoName(-result)})`}`,
    );
  }
}

function built(result: number): void {
  if (result < 0) throw new SysError("build a message for systemd", -result);
}

function code(type: string): number {
  return type.charCodeAt(0);
}

function pointer(array: NodeJS.TypedArray): Pointer {
  return addressOf(array) as Pointer;
}

function taken(out: BigUint64Array): Pointer {
  return Number(out[0]!) as Pointer;
}
