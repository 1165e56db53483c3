/** The libseccomp of this machine, which may have none. */
import { LIBRARY_NAME, libseccompVersion } from "../seccomp/library.ts";
import { openLibrary } from "../sys/libc.ts";

/** Its version ("2.5.4"), or undefined when it is not installed. Throws a BrunError when it is too old. */
export function installedLibseccomp(): string | undefined {
  return openLibrary(LIBRARY_NAME) === null ? undefined : libseccompVersion();
}
