/*
 * Fuzzes the file of `exec --process`, which the front scans in its place. nsenter/process-file.test.ts compares what it
 * reads with JSON.parse.
 */
#include "../front/process-file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Files are neither opened nor read here. */
long file_read(long fd, struct bytes *bytes, size_t size)
{
	(void)fd;
	(void)bytes;
	(void)size;
	return -EIO;
}

void file_forget(const struct bytes *bytes)
{
	(void)bytes;
}

unsigned char *plan_part(const struct plan_file *plan, enum plan_part index, size_t *size)
{
	(void)plan;
	(void)index;
	*size = 0;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct process_file file;
	unsigned char *bytes = malloc(size);
	char *rest = malloc(size + 1);

	if (size > 0)
		memcpy(bytes, data, size);
	if (process_file_scan(&file, bytes, size, rest) &&
	    (file.arg_count > PROCESS_LIST_MAX || file.env[file.env_count] || strlen(file.rest) > size))
		abort();
	free(bytes);
	free(rest);
	return 0;
}
