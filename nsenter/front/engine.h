/*
 * What Bun needs of the machine. It is asked before Bun is loaded, which would end with a crash dump or a page of its
 * own source, and so in a text that says what is missing. What the front does by itself needs none of it.
 */
#ifndef BRUN_FRONT_ENGINE_H
#define BRUN_FRONT_ENGINE_H

#include "complaint.h"

/*
 * Makes ready for Bun. Where executable memory cannot be had, the module by which brun calls C then (../door) is in a
 * descriptor, a memfd called brun-door. Where the current directory has no path, it is "/" from here to brun's first system call.
 * The interpreter is the dynamic loader. Returns 0, or -1 with what to say instead of loading Bun.
 */
int engine_prepare(struct complaint *complaint, const char *interpreter, const char *const *envp);

/* Goes back to the current directory, once; then does nothing. */
void engine_enter_directory(void);

#endif
