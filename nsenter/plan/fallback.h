/* Replacements of system calls that a kernel, or a seccomp filter around brun, lacks. */
#ifndef BRUN_FALLBACK_H
#define BRUN_FALLBACK_H

#include "../sys.h"

/*
 * Replaces close_range(2) with CLOSE_RANGE_CLOEXEC from `first` up; fds is an open
 * /proc/self/fd. Returns 0 or -errno.
 */
long mark_close_on_exec(int fds, int first);

/*
 * Replaces mount_setattr(2) on one attached mount by mount(2). The mount keeps its flags (MS_*), without
 * those of `clear` and with those of `set`. Locked flags, as in a user namespace, stay. path leads to the
 * mount. Returns 0 or -errno.
 */
long remount(int mount, const char *path, uint64_t set, uint64_t clear);

#endif
