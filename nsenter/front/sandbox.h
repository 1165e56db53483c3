/* `run --host`, `--rootfs` and `--image`: the values of the holes in their plans. */
#ifndef BRUN_FRONT_SANDBOX_H
#define BRUN_FRONT_SANDBOX_H

#include "plan-file.h"

/* How it is run; zeros for a bundle. */
struct manner sandbox_manner(const struct plan_file *plan);

/* The container's name, which may be generated; null if there is none. */
const char *sandbox_name(const struct plan_file *plan, const struct manner *manner);

struct values;

/* Sets the program's words, and its environment if that is a hole. 0 or -errno. */
long sandbox_values(const struct plan_file *plan, const struct manner *manner, const struct command *command,
		    const char *name, struct values *values);

#endif
