/* Maps the ids of a container that the front makes, with newuidmap(1) and newgidmap(1): rootless/mapping.ts. */
#ifndef BRUN_FRONT_MAPPING_H
#define BRUN_FRONT_MAPPING_H

#include "plan-file.h"

/* Runs both for a process, at the same time. 0 or -errno. */
long map_ids(const struct plan_file *plan, long pid);

#endif
