/*
 * Asks the questions of a guard (guard.h) that take more than one system call. src/host/ask-files.ts and
 * ask-caller.ts ask them first.
 */
#ifndef BRUN_FRONT_ANSWERS_H
#define BRUN_FRONT_ANSWERS_H

#include "../sys.h"

struct statx;

/* A question and its answer: an input of a plan, with pointers to its parts. */
struct question {
	uint32_t kind;
	uint32_t detail;
	const char *about;           /* or null; if it has several texts, the last one ends with a NUL, too */
	size_t about_size;           /* in bytes */
	const unsigned char *answer; /* or null */
	size_t size;
};

/* Whether the answer consists of these bytes. */
int is_answer(const struct question *question, const void *now, size_t size);

/*
 * Calls statx(2) for the path of a question. The detail says whether a link at its end is followed. 0 or -errno. The
 * kernel is asked once if questions about one path follow each other. *status lives until the next question.
 */
long question_look(const struct question *question, const struct statx **status);

/* Lets the next question ask the kernel again. */
void question_forget(void);

/* The stamp of the path of a question. 0 or -errno. */
long question_stamp(const struct question *question, struct stamp *stamp);

/* Whether the caller may access a file; like access() of src/sys/fs.ts. right: R_OK, W_OK, X_OK. 0 or -errno. */
long question_access(long directory, const char *path, uint32_t right);

/* Each tells whether the answer is still the same. */
int same_rights(const struct question *question);
int same_status(const struct question *question);
int same_identity(const struct question *question);
int same_shared(const struct question *question);
int same_names(const struct question *question);
int same_file_in_root(const struct question *question);
int same_existence_in_root(const struct question *question);
int same_place(const struct question *question);
int same_way(const struct question *question);
int same_mask(const struct question *question);
int same_environment(const struct question *question, const char *const *envp);

/* Returns 1 or 0. */
int is_terminal(unsigned int fd);
int is_in_background(void);

#endif
