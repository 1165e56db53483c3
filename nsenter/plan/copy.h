/* Copies directories, for tmpfs mounts that begin with the contents of what they cover, and modes. */
#ifndef BRUN_COPY_H
#define BRUN_COPY_H

#include "program.h"
#include "../sys.h"

/*
 * Gives the directory "to" the mode of the directory "from". With "contents" it copies everything in it:
 * data, modes, owners and times, but not extended attributes. Both are descriptors; O_PATH is enough. Devices
 * that may not be made are skipped, and owners that are not mapped are ignored. Returns 0 or -errno; ELOOP
 * for a tree that is too deep.
 */
long copy_directory(int from, int to, int contents);

#define COPY_FILE_MAX (2U << 20)

/*
 * Copies one regular file from a directory to another in the same way. Returns 0 or -errno: ENOENT for another
 * kind of file, EFBIG for more than COPY_FILE_MAX bytes.
 */
long copy_file(int from, int to, const char *name);

/* Writes the permission bits of a file as MODE_DIGITS octal digits, without a NUL. Returns 0 or -errno. */
long write_mode(unsigned char *to, int fd);

#endif
