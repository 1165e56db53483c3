/* What the kernel does for an executable with an interpreter, which brun hides from it: see main.c. */
#ifndef BRUN_FRONT_LOADER_H
#define BRUN_FRONT_LOADER_H

#include "elf.h"

extern struct behind behind_front;

/* The path of the program interpreter, or null. */
const char *interpreter_path(const struct behind *behind);

/*
 * Maps the program interpreter (ld.so) of Bun, and tells it so by the auxiliary vector. Returns
 * its entry point, or -errno.
 */
long load_interpreter(const struct behind *behind, struct auxiliary *auxv);

#endif
