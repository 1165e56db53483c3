/* Writes --pid-file like src/container/io/pid-file.ts. */
#ifndef BRUN_FRONT_PID_FILE_H
#define BRUN_FRONT_PID_FILE_H

/* Replaces the file at an absolute path atomically. 0, or -errno with no file left that was not there. */
long pid_file_write(const char *path, long pid);

#endif
