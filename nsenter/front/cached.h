/*
 * The plan of a `run`, kept for the next one of the same bundle: ROOT/@run/NN, one file for all bundles with the hash
 * NN. Its guard says whether it may be used. Written by src/container/lifecycle/cached-plan.ts.
 */
#ifndef BRUN_FRONT_CACHED_H
#define BRUN_FRONT_CACHED_H

#include "../plan/program.h"
#include "command.h"
#include "files.h"
#include "guard.h"

#define CACHED_SUMMED_FROM offsetof(struct cached_header, parts)

struct cached {
	long root; /* state directory */
	struct bytes file;
};

/* Opens the plan of the command's bundle, if its guard agrees. 0, or -errno with nothing open. */
long cached_open(struct cached *cached, const struct command *command);

void cached_close(const struct cached *cached);

/* A part's bytes, or null when it has none. */
unsigned char *cached_part(const struct cached *cached, enum cached_part index, size_t *size);

#endif
