/*
 * Plans of later commands on a container that the front makes: what src/container/lifecycle/local-plans.ts writes for one that Bun
 * makes. The plan of the run has them as a file of plans in one of its parts, whose holes are filled in but for those of exec.
 */
#ifndef BRUN_FRONT_LATER_H
#define BRUN_FRONT_LATER_H

#include "holes.h"

/* Writes the file into the container's directory. state: path of its state.json. 0, also where there are none, or -errno. */
long later_write(const struct plan_file *plan, const struct values *values, const char *state,
		 long directory);

#endif
