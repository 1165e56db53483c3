/* Copying a directory, for tmpfs mounts that begin with what they cover. */
#ifndef BRUN_COPY_H
#define BRUN_COPY_H

#include "sys.h"

/*
 * Gives the directory "to" the mode of the directory "from", and with "contents" a copy of everything in it:
 * data, modes, owners and times, not extended attributes. Both are descriptors, O_PATH is enough. Devices that
 * may not be made and owners that are not mapped are passed over. Returns 0 or -errno; ELOOP for a tree that is
 * too deep.
 */
long copy_directory(int from, int to, int contents);

#endif
