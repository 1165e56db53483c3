/* What `list` prints, of texts that need no escapes: as src/cli/format.ts does it. */
#ifndef BRUN_FRONT_TABLE_H
#define BRUN_FRONT_TABLE_H

#include "command.h"

/* The columns of the table. */
enum column {
	COLUMN_ID,
	COLUMN_PID,
	COLUMN_STATUS,
	COLUMN_BUNDLE,
	COLUMN_CREATED,
	COLUMN_OWNER,
	TABLE_COLUMNS,
};

_Static_assert(TABLE_COLUMNS == WORD_CREATED - WORD_TITLES, "there is a title for each column");

struct row {
	const char *cells[TABLE_COLUMNS];
	/* For JSON. */
	const char *oci_version;
	const char *rootfs;
	const char *annotations; /* an object as JSON */
};

/* The text for rows, the first of which has the titles, in new memory. 0, or -errno. */
long table_make(const struct row *rows, size_t count, enum list_form form, char **text, size_t *size);

#endif
