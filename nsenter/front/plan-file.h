/*
 * Files with plans, which brun has written for itself (src/container/lifecycle/plan-file.ts): ROOT/ID/plans has those of later
 * commands on a container, ROOT/@run/NN that of a `run`, for all bundles with the hash NN. For both there is one rule:
 * one that is used is the caller's own, in a directory of the caller's own; this build has written it, it is whole, it is for this
 * command, and its guard agrees.
 */
#ifndef BRUN_FRONT_PLAN_FILE_H
#define BRUN_FRONT_PLAN_FILE_H

#include "command.h"
#include "files.h"

#define PLAN_SUMMED_FROM offsetof(struct plan_header, parts)

struct plan_file {
	long directory;
	struct bytes file;
};

/* Opens the one that a command's plan is in. 0, or -errno with nothing open. */
long plan_open(struct plan_file *plan, const struct command *command);

/* Whether its guard agrees. stdin may be /dev/null from here on (input.h). */
int plan_agrees(const struct plan_file *plan, const struct command *command);

void plan_close(const struct plan_file *plan);

/* A part's bytes, or null when it has none. */
unsigned char *plan_part(const struct plan_file *plan, enum plan_part index, size_t *size);

#endif
