/* From a program that executes some words to one that executes others: its holes are argv and the environment. */
#ifndef BRUN_FRONT_TEMPLATE_H
#define BRUN_FRONT_TEMPLATE_H

#include "../sys.h"

/* Strings, as execve(2) wants them but for the null pointer at the end. */
struct words {
	const char *const *at;
	unsigned int count;
};

/*
 * Fills in what the template finds and executes: argv, whose first word is the program, and the environment, null for
 * the template's own. Returns fresh memory of *size bytes, or null.
 */
unsigned char *template_fill(unsigned char *template, size_t template_size, const struct words *argv,
			     const struct words *envp, size_t *size);

#endif
