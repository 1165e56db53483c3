/* state.json of a container that the front makes: src/container/{describe,store}.ts. */
#ifndef BRUN_FRONT_STATE_H
#define BRUN_FRONT_STATE_H

#include "cached.h"

/* Writes it. 0 or -errno. */
long state_save(const struct cached *cached, long directory, const char *id, long pid);

#endif
