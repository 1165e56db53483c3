/*
 * Holes: the only way in which a plan takes parameters. A hole is a string of a program, or a list of strings,
 * that had another value when the plan was compiled. The file lists the references to it. New values are
 * appended to the program's strings and structs, and the references are changed to these. A hole of the kind text
 * is a text of the program with other holes in it. A program with a hole that has no value is not run.
 */
#ifndef BRUN_FRONT_HOLES_H
#define BRUN_FRONT_HOLES_H

#include "plan-file.h"

/*
 * The texts for each kind of hole, mostly one; null if there is none. HOLE_HOME takes no value: a text of a list that
 * is HOME_PLACE refers to it.
 */
struct values {
	struct texts of[HOLES];
	uint32_t open; /* kinds that stay open, a bit each */
};

/*
 * A program of a plan with its holes filled in, in new memory. If it has no holes, it is returned as it is in the
 * file. Null if the plan has no such program, or if a value is missing.
 */
unsigned char *holes_fill(const struct plan_file *plan, enum plan_part index, const struct values *values,
			  size_t *size);

/*
 * The texts of a list in a program as it is, in `at`, which has room for `most` of them. Returns their number, or
 * -errno: -ENOENT if the program has no such list.
 */
long holes_list(const struct plan_file *plan, enum plan_part index, enum hole_kind kind, const char **at,
		size_t most);

/* Frees the memory of such a program, or of null. A supervisor would otherwise keep it as long as its container runs. */
void holes_forget(const struct plan_file *plan, unsigned char *program, size_t size);

#endif
