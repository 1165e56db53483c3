/*
 * Writes the plans of later commands on a container that the front makes. For one that Bun makes,
 * src/container/lifecycle/local-plans.ts does that. The plan of the run contains them as a file of plans in one of
 * its parts. All holes in it are filled in, except those of exec.
 */
#ifndef BRUN_FRONT_LATER_H
#define BRUN_FRONT_LATER_H

#include "holes.h"

/*
 * Writes the file to the container's directory. state: path of its state.json. 0 (also if there
 * are no plans), or -errno.
 */
long later_write(const struct plan_file *plan, const struct values *values, const char *state,
		 long directory);

#endif
