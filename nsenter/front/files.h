/* Files that brun has written down for the front. */
#ifndef BRUN_FRONT_FILES_H
#define BRUN_FRONT_FILES_H

#include "../sys.h"

/* What a file holds, in memory of its own, which may be written to. */
struct bytes {
	unsigned char *data;
	size_t size;
};

/*
 * Whether the file or directory is the caller's, and no one else could have written it. type: S_IFREG or S_IFDIR.
 * Returns its size, or -errno; -EPERM when it is not, or is larger than max.
 */
long file_own(long fd, uint32_t type, uint64_t max);

/* Opens name in a directory, which has to be the caller's own of min to max bytes, and reads it. 0 or -errno. */
long file_read_own(long directory, const char *name, uint64_t min, uint64_t max, struct bytes *bytes);

void file_forget(const struct bytes *bytes);

/* Writes all of it. 0 or -errno. */
long file_write_all(long fd, const void *data, size_t size);

/* Whether a file holds these bytes and no more; of an open one, from where it stands. */
int file_holds_at(long fd, const unsigned char *data, size_t size);
int file_holds(const char *path, const unsigned char *data, size_t size);

#endif
