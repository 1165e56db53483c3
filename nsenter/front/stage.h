/* The stage, which the front carries: brun executes it, and reaches functions of its kind in the front itself. */
#ifndef BRUN_FRONT_STAGE_H
#define BRUN_FRONT_STAGE_H

#include "../sys.h"

#if !defined(STAGE_ID)
#define STAGE_ID 0U /* build.sh says which stage it is: programs are for one alone */
#endif

/* A file descriptor of a sealed memfd that holds the stage, close-on-exec and world-readable; or -errno. */
long stage_open(void);

#endif
