/* The caller's environment by name, and which of its variables are plain (src/host/plain-variables.ts). */
#ifndef BRUN_FRONT_ENVIRONMENT_H
#define BRUN_FRONT_ENVIRONMENT_H

#include "command.h"

/* Whether each text is NAME=value. */
int are_variables(const struct texts *texts);

/* An environment variable, or null. If it occurs twice the last one counts, as in Bun's process.env. */
const char *environment_variable(const char *const *envp, const char *name);

/*
 * The variable NAME=value to use for an entry of an environment. If a name occurs twice, its first entry
 * counts, with the last value; null for the other entries, and for entries that are no variables. Like
 * environment() of src/sys/environment.ts.
 */
const char *environment_at(const char *const *envp, const char *const *place);

/* Whether a variable NAME=value is plain, so that it decides nothing. */
int environment_is_plain(const char *variable);

/* Whether the variables that are not plain are exactly these (NAME=value, each with a NUL). */
int environment_is_notable(const char *const *envp, const char *texts, size_t size);

/*
 * Makes the environment of a process of exec: the last value of each name in the place of its first entry, and
 * HOME_PLACE without HOME. Like environment() of src/init/exec.ts. The list ends with a null pointer; `made` has
 * room for one text more. Returns their number.
 */
size_t environment_of_exec(const char **made, const char *const *variables);

/* The directories in which a program is looked for. Like searchPath() of src/init/exec.ts. */
const char *environment_path(const struct texts *variables);

/*
 * Merges the environment of a program: the caller's plain variables, in their order, and those of `fixed`
 * (NAME=value, each with a NUL). A fixed variable replaces the caller's of the same name, or is appended. *made is
 * in new memory. 0 or -errno.
 */
long environment_merge(struct texts *made, const char *const *envp, const char *fixed, size_t size);

#endif
