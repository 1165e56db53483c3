/* Reads the files that brun has written for the front. */
#ifndef BRUN_FRONT_FILES_H
#define BRUN_FRONT_FILES_H

#include "../sys.h"

/* The contents of a file, in separate writable memory. */
struct bytes {
	unsigned char *data;
	size_t size;
};

/*
 * Whether the caller owns a file or directory, and no other user could have written it. type: S_IFREG or S_IFDIR.
 * Returns its size, or -errno; -EPERM if that is not so, or if it is larger than max.
 */
long file_own(long fd, uint32_t type, uint64_t max);

/* Reads `size` bytes of an open file into new memory of bytes->size. 0 or -errno. */
long file_read(long fd, struct bytes *bytes, size_t size);

/*
 * Opens the file `name` in a directory, and reads it. The caller has to own it, and its size has to be from min
 * to max bytes. 0 or -errno.
 */
long file_read_own(long directory, const char *name, uint64_t min, uint64_t max, struct bytes *bytes);

void file_forget(const struct bytes *bytes);

/* Writes all data. 0 or -errno. */
long file_write_all(long fd, const void *data, size_t size);

/* Whether the rest of an open file consists of exactly these bytes. */
int file_holds_at(long fd, const unsigned char *data, size_t size);
int file_holds(const char *path, const unsigned char *data, size_t size);

#endif
