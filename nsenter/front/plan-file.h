/*
 * Files with plans that brun has written for itself (src/container/lifecycle/plan-file.ts). ROOT/ID/plans has the
 * plans of later commands on a container. ROOT/@run/NUMBER has that of a `run`, whose key has this hash, and
 * ROOT/@run/list those of `list`. One rule applies to all. The caller owns the file and its directory, the same build
 * has written it, it is complete, its key is that of this command, and its guard agrees.
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

/* Opens the file with a command's plan. 0, or -errno with nothing open. */
long plan_open(struct plan_file *plan, const struct command *command);

/* Whether the guard agrees. From here on stdin may be /dev/null (input.h). */
int plan_agrees(const struct plan_file *plan, const struct command *command);

/* Checks that the file is complete, and that this build has written it. 0 or -errno. */
long plan_check(const struct plan_file *plan);

void plan_close(const struct plan_file *plan);

/* The bytes of a part, or null if it is empty. */
unsigned char *plan_part(const struct plan_file *plan, enum plan_part index, size_t *size);

#endif
