/* The caller's environment by name, and which of its variables decide nothing (src/host/plain-variables.ts). */
#ifndef BRUN_FRONT_ENVIRONMENT_H
#define BRUN_FRONT_ENVIRONMENT_H

#include "command.h"

/*
 * The variable that stands at a place of an environment, NAME=value: of a name that is given twice the first place with the
 * last value. Null for another place, and what is no variable. As environment() of src/sys/environment.ts.
 */
const char *environment_at(const char *const *envp, const char *const *place);

/* Whether a variable, NAME=value, is plain: it decides nothing, whatever its value is. */
int environment_is_plain(const char *variable);

/* Whether the variables that are not plain are these, NAME=value with a NUL each. */
int environment_is_notable(const char *const *envp, const char *texts, size_t size);

/*
 * The environment of a program: of the caller's the plain ones, in their places, and those of `fixed`, NAME=value with a NUL
 * each, which take the place of the caller's of the same name or follow. *made is in fresh memory; 0 or -errno.
 */
long environment_merge(struct texts *made, const char *const *envp, const char *fixed, size_t size);

#endif
