/*
 * Loads Bun as the kernel loads an executable with an interpreter. The kernel does not do it itself, since the
 * front hides Bun's program headers: see main.c.
 */
#ifndef BRUN_FRONT_LOADER_H
#define BRUN_FRONT_LOADER_H

#include "elf.h"

extern struct behind behind_front;

/* The path of the program interpreter, or null. */
const char *interpreter_path(const struct behind *behind);

/*
 * Maps Bun's program interpreter (ld.so), and passes its address in the auxiliary vector. Returns
 * its entry point, or -errno.
 */
long load_interpreter(const struct behind *behind, struct auxiliary *auxv);

#endif
