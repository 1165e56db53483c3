/* The id maps of a container that the front makes, by newuidmap(1) and newgidmap(1): rootless/mapping.ts. */
#ifndef BRUN_FRONT_MAPPING_H
#define BRUN_FRONT_MAPPING_H

#include "plan-file.h"

/* Has both run at the same time for a process. 0 or -errno. */
long map_ids(const struct plan_file *plan, long pid);

#endif
