/*
 * Reads the file of `exec --process` as engines write it: JSON without spaces. Only what the plans of a container
 * have holes for is parsed. All else stays text, which has to be that of the process that the plans were compiled
 * for. So nothing is taken for granted: what the scanner does not know makes another text, and Bun reads the file.
 */
#ifndef BRUN_FRONT_PROCESS_FILE_H
#define BRUN_FRONT_PROCESS_FILE_H

#include "files.h"
#include "plan-file.h"

/* A file with longer lists, or a larger one, is left to Bun. */
#define PROCESS_LIST_MAX 512
#define PROCESS_FILE_MAX (1U << 20)

struct process_file {
	struct bytes bytes; /* the file, and the rest behind it */
	const char *args[PROCESS_LIST_MAX + 1];
	size_t arg_count;
	const char *env[PROCESS_LIST_MAX + 1]; /* ends with a null pointer */
	size_t env_count;
	const char *cwd;
	int terminal;
	const char *rest; /* the object without these members */
};

/*
 * Scans `size` bytes, and unescapes strings in their place. `rest` has room for size + 1 bytes. Returns whether the
 * file has args, env and cwd.
 */
int process_file_scan(struct process_file *file, unsigned char *data, size_t size, char *rest);

/* Reads a file. 0, or -errno with nothing to forget. */
long process_file_read(struct process_file *file, const char *path);
void process_file_forget(const struct process_file *file);

/* Whether the plans of exec are for such a process: src/container/lifecycle/exec-template.ts. */
int process_file_fits(const struct process_file *file, const struct plan_file *plan);

#endif
