/*
 * Checks the machine before Bun is loaded. Bun would end with a crash dump or a page of its source, and here a
 * text says what is missing. What the front does without Bun needs none of this.
 */
#ifndef BRUN_FRONT_ENGINE_H
#define BRUN_FRONT_ENGINE_H

#include "complaint.h"

/*
 * Prepares the machine for Bun. If executable memory is not allowed, it opens a memfd called brun-door with
 * the module by which brun then calls C (../door). If the current directory has no path, it changes to "/"
 * until brun's first system call. The interpreter is the dynamic loader. Returns 0, or -1 with a complaint,
 * if Bun cannot be loaded.
 */
int engine_prepare(struct complaint *complaint, const char *interpreter, const char *const *envp);

/* Goes back to the current directory on the first call; later calls do nothing. */
void engine_enter_directory(void);

#endif
