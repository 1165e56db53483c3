/* Finds the home directory of a user in passwd(5). */
#ifndef BRUN_PASSWD_H
#define BRUN_PASSWD_H

#include "program.h"
#include "../sys.h"

/*
 * Writes the home directory of a user, with a NUL, to at most HOME_SIZE bytes. It is that of the first
 * line for the uid in the file at path. The file belongs to the container, and may be a pipe or endless.
 * So it is "/" if path is no regular file or is larger than 16 MB, and also if there is no line, or the
 * directory is too long. Returns 0.
 */
long write_home(char *to, uint64_t uid, const char *path);

#endif
