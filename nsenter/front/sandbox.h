/* `run --host`, `--rootfs` and `--image`: what the front puts into their plans. */
#ifndef BRUN_FRONT_SANDBOX_H
#define BRUN_FRONT_SANDBOX_H

#include "plan-file.h"

/* How it is run; zeros for a bundle. */
struct manner sandbox_manner(const struct plan_file *plan);

/* The container's name, which may be made up; null where there is none. */
const char *sandbox_name(const struct plan_file *plan, const struct manner *manner);

struct values;

/* What the program is given: its words, and the environment where it is open. 0 or -errno. */
long sandbox_values(const struct plan_file *plan, const struct manner *manner, const struct command *command,
		    const char *name, struct values *values);

#endif
