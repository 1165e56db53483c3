/* The C library that Bun needs: prints one line if it is missing or of another kind. */
#ifndef BRUN_FRONT_LIBC_H
#define BRUN_FRONT_LIBC_H

#include "../sys.h"

/* Whether a dynamic loader is musl's. */
int is_musl(const char *interpreter);

/* Says why the program interpreter could not be loaded (-errno), and ends the process. */
__attribute__((noreturn)) void libc_cannot_load(const char *interpreter, long error);

/* With musl and without libstdc++: prints one line instead of the loader's fifty, and ends the process. */
void libc_check(const char *interpreter, const char *const *envp);

#endif
