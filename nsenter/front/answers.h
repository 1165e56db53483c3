/*
 * Answers to questions of a guard (guard.h) that take more than a system call: src/host/ask-files.ts and ask-caller.ts
 * ask them first.
 */
#ifndef BRUN_FRONT_ANSWERS_H
#define BRUN_FRONT_ANSWERS_H

#include "../sys.h"

/* What a question is about, and what has been answered. */
struct answer {
	const char *about;           /* texts, the last of them ends with a NUL */
	size_t about_size;           /* in bytes */
	const unsigned char *answer; /* or null */
	size_t size;
};

/* Each says whether the answer is the same now. */
int same_status(const struct answer *answer, int flags);
int same_identity(const struct answer *answer);
int same_shared(const struct answer *answer);
int same_names(const struct answer *answer);
int same_file_in_root(const struct answer *answer);
int same_existence_in_root(const struct answer *answer);
int same_mask(const struct answer *answer);
int same_environment(const struct answer *answer, const char *const *envp);

/* 1 or 0. */
int is_terminal(unsigned int fd);
int is_in_background(void);

#endif
