/* Resolves untrusted paths. */
#ifndef BRUN_RESOLVE_H
#define BRUN_RESOLVE_H

#include "../sys.h"

#include <linux/openat2.h>

/*
 * openat2(2), repeated if it ends with EAGAIN. If the kernel or a filter refuses the call, it goes one component
 * after the other, each by a descriptor: with RESOLVE_IN_ROOT, _BENEATH, _NO_SYMLINKS, _NO_XDEV and
 * _NO_MAGICLINKS. ".." returns to the previous descriptor, so that a rename cannot lead out of the root. The
 * kernel never follows a link. Returns a descriptor or -errno.
 */
long resolve_path(int directory, const char *path, const struct open_how *how);

#endif
