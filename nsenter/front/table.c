#include "table.h"

#include "../plan/output.h"
#include "../text.h"

#define STDOUT 1

/* The width of each column but the last, which is not filled up. Returns the size of the text. */
static size_t measure(const struct row *rows, size_t count, size_t *widths)
{
	size_t size = 0;

	for (unsigned int i = 0; i < TABLE_COLUMNS - 1; i++) {
		widths[i] = COLUMN_MIN;
		for (size_t n = 0; n < count; n++) {
			size_t wanted = text_length(rows[n].cells[i]) + COLUMN_GAP;

			if (wanted > widths[i])
				widths[i] = wanted;
		}
		size += widths[i] * count;
	}
	for (size_t n = 0; n < count; n++)
		size += text_length(rows[n].cells[TABLE_COLUMNS - 1]) + 1;
	return size;
}

static char *put_row(char *to, const struct row *row, const size_t *widths)
{
	for (unsigned int i = 0; i < TABLE_COLUMNS; i++) {
		size_t length = text_length(row->cells[i]);

		copy(to, row->cells[i], length);
		to += length;
		for (; i < TABLE_COLUMNS - 1 && length < widths[i]; length++)
			*to++ = ' ';
	}
	*to++ = '\n';
	return to;
}

long table_print(const struct row *rows, size_t count, int *begun)
{
	size_t widths[TABLE_COLUMNS - 1];
	size_t size = measure(rows, count, widths);
	long memory = sys_memory(size);
	char *to = (char *)(uintptr_t)memory;

	*begun = 0;
	if (memory < 0)
		return memory;
	for (size_t n = 0; n < count; n++)
		to = put_row(to, &rows[n], widths);
	*begun = 1;
	return output_write(STDOUT, (const unsigned char *)(uintptr_t)memory, size);
}
