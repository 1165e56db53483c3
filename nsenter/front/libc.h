/* The C library that Bun needs: one line where it is another one, or is not there. */
#ifndef BRUN_FRONT_LIBC_H
#define BRUN_FRONT_LIBC_H

#include "../sys.h"

/* Whether a dynamic loader is that of musl. */
int is_musl(const char *interpreter);

/* Says why the program interpreter could not be loaded (-errno), and ends the process. */
__attribute__((noreturn)) void libc_cannot_load(const char *interpreter, long error);

/* With musl: ends the process with one line instead of the loader's fifty when there is no libstdc++. */
void libc_check(const char *interpreter, const char *const *envp);

#endif
