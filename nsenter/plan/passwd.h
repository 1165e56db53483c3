/* The home directory of a user, by passwd(5). */
#ifndef BRUN_PASSWD_H
#define BRUN_PASSWD_H

#include "program.h"
#include "../sys.h"

/*
 * Writes the home directory of a user, with a NUL, in at most HOME_SIZE bytes: the first that the file at path has for
 * the uid. It is "/" when there is none, or one that is too long, and when path is no regular file or beyond 16 MB: the
 * file is the container's, and may be a pipe or have no end. Returns 0.
 */
long write_home(char *to, uint64_t uid, const char *path);

#endif
