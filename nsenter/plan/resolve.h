/* Paths that nobody vouches for. */
#ifndef BRUN_RESOLVE_H
#define BRUN_RESOLVE_H

#include "../sys.h"

#include <linux/openat2.h>

/*
 * openat2(2), made again where it could not be sure. Where the kernel or a filter does not have it, one component after the
 * other, each by a descriptor: with RESOLVE_IN_ROOT, _BENEATH, _NO_SYMLINKS, _NO_XDEV and _NO_MAGICLINKS. ".." goes back to
 * the descriptor of before, so that nothing that is renamed meanwhile leads out of the root, and no link is ever followed by
 * the kernel. Returns a descriptor or -errno.
 */
long resolve_path(int directory, const char *path, const struct open_how *how);

#endif
