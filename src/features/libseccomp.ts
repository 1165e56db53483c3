/** The version of libseccomp on this machine, which may have none. */
import { LIBRARY_NAME, libseccompVersion } from "../seccomp/library.ts";
import { openLibrary } from "../sys/libc.ts";

/** The version ("2.5.4"), or undefined if it is not installed. Throws a BrunError if it is too old. */
export function installedLibseccomp(): string | undefined {
  return openLibrary(LIBRARY_NAME) === null ? undefined : libseccompVersion();
}
