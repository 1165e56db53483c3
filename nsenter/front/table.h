/* A table as table() of src/cli/format.ts makes it, of texts that need no escapes. */
#ifndef BRUN_FRONT_TABLE_H
#define BRUN_FRONT_TABLE_H

#include "../sys.h"

#define TABLE_COLUMNS (WORD_CREATED - WORD_TITLES)

struct row {
	const char *cells[TABLE_COLUMNS];
};

/* Writes the rows to stdout. 0 or -errno; *begun tells whether a part may have been written. */
long table_print(const struct row *rows, size_t count, int *begun);

#endif
