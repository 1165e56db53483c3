/*
 * Holes: the only way in which a plan takes parameters. A hole is a string of a program, or a list of them, that was another one
 * when the plan was compiled; the file says what refers to it. What is filled in is put behind the program's strings and structs,
 * and is referred to then. A program with a hole that nothing is known for is not run.
 */
#ifndef BRUN_FRONT_HOLES_H
#define BRUN_FRONT_HOLES_H

#include "plan-file.h"

/* For each kind of hole its texts, of most kinds one; null: not known. */
struct values {
	struct texts of[HOLES];
};

/*
 * A program of a plan with its holes filled in: in fresh memory, or where it is in the file when it has none. Null when the plan
 * has no such program, or when something is not known.
 */
unsigned char *holes_fill(const struct plan_file *plan, enum plan_part index, const struct values *values,
			  size_t *size);

#endif
