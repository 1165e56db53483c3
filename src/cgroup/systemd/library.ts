/**
 * libsystemd's sd-bus through bun:ffi, loaded only if systemd makes a cgroup. It uses no functions with varargs.
 * npm's D-Bus clients do not work in a user namespace: they log in with the uid that they see, and the bus sees
 * another one.
 */
import { FFIType, type Pointer } from "bun:ffi";
import { BrunError } from "../../errors.ts";
import { librarySymbol, openLibrary } from "../../sys/libc.ts";
import { link as linkC } from "../../sys/link.ts";

const { ptr, u8, u64, i32 } = FFIType;

const FUNCTIONS = {
  sd_bus_new: { args: [ptr], returns: i32 },
  sd_bus_set_address: { args: [ptr, ptr], returns: i32 },
  sd_bus_set_bus_client: { args: [ptr, i32], returns: i32 },
  sd_bus_set_method_call_timeout: { args: [ptr, u64], returns: i32 },
  sd_bus_start: { args: [ptr], returns: i32 },
  sd_bus_flush_close_unref: { args: [ptr], returns: ptr },
  sd_bus_add_match: { args: [ptr, ptr, ptr, ptr, ptr], returns: i32 },
  sd_bus_process: { args: [ptr, ptr], returns: i32 },
  sd_bus_wait: { args: [ptr, u64], returns: i32 },
  sd_bus_call: { args: [ptr, ptr, u64, ptr, ptr], returns: i32 },
  sd_bus_get_property_string: { args: [ptr, ptr, ptr, ptr, ptr, ptr, ptr], returns: i32 },
  sd_bus_error_free: { args: [ptr], returns: FFIType.void },
  sd_bus_message_new_method_call: { args: [ptr, ptr, ptr, ptr, ptr, ptr], returns: i32 },
  sd_bus_message_append_basic: { args: [ptr, u8, ptr], returns: i32 },
  sd_bus_message_append_array: { args: [ptr, u8, ptr, u64], returns: i32 },
  sd_bus_message_open_container: { args: [ptr, u8, ptr], returns: i32 },
  sd_bus_message_close_container: { args: [ptr], returns: i32 },
  sd_bus_message_read_basic: { args: [ptr, u8, ptr], returns: i32 },
  sd_bus_message_is_signal: { args: [ptr, ptr, ptr], returns: i32 },
  sd_bus_message_unref: { args: [ptr], returns: ptr },
} as const;

/** The functions of libsystemd. Those that return an int return a negative errno on failure. */
export type Libsystemd = ReturnType<typeof link>;

const LIBRARY_NAME = "libsystemd.so.0";

function link(library: Pointer) {
  const withAddresses = Object.fromEntries(
    Object.entries(FUNCTIONS).map(([name, f]) => {
      const address = librarySymbol(library, name);
      if (address === null) {
        throw new BrunError(`${LIBRARY_NAME} is too old: it has no ${name}`, {
          hint: "brun needs systemd 240 or later, or --cgroup-manager=cgroupfs",
        });
      }
      return [name, { ...f, ptr: address }];
    }),
  ) as { [K in keyof typeof FUNCTIONS]: (typeof FUNCTIONS)[K] & { ptr: Pointer } };
  return linkC(withAddresses);
}

let loaded: Libsystemd | null | undefined;

/** libsystemd, or null if it is not installed. Throws a BrunError if it is too old. */
export function libsystemd(): Libsystemd | null {
  if (loaded === undefined) {
    const library = openLibrary(LIBRARY_NAME);
    loaded = library === null ? null : link(library);
  }
  return loaded;
}
