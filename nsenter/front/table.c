#include "table.h"

/* A text that is measured first, as long as there is no memory for it, and written then. */
struct text {
	char *to; /* null: measure */
	size_t size;
};

static void put(struct text *text, const char *what)
{
	size_t length = text_length(what);

	if (text->to)
		copy(text->to + text->size, what, length);
	text->size += length;
}

static void fill_up(struct text *text, size_t length, size_t width)
{
	for (; length < width; length++)
		put(text, " ");
}

/* The last column is not filled up. */
static void put_table(struct text *text, const struct row *rows, size_t count, const size_t *widths)
{
	for (size_t n = 0; n < count; n++) {
		for (unsigned int i = 0; i < TABLE_COLUMNS; i++) {
			put(text, rows[n].cells[i]);
			if (i < TABLE_COLUMNS - 1)
				fill_up(text, text_length(rows[n].cells[i]), widths[i]);
		}
		put(text, "\n");
	}
}

static void put_ids(struct text *text, const struct row *rows, size_t count)
{
	for (size_t n = 1; n < count; n++) {
		put(text, rows[n].cells[COLUMN_ID]);
		put(text, "\n");
	}
}

static void put_member(struct text *text, const char *name, const char *value)
{
	put(text, name);
	put(text, value);
}

/* The members are in runc's order. */
static void put_object(struct text *text, const struct row *row)
{
	put_member(text, "{\"ociVersion\":\"", row->oci_version);
	put_member(text, "\",\"id\":\"", row->cells[COLUMN_ID]);
	put_member(text, "\",\"pid\":", row->cells[COLUMN_PID]);
	put_member(text, ",\"status\":\"", row->cells[COLUMN_STATUS]);
	put_member(text, "\",\"bundle\":\"", row->cells[COLUMN_BUNDLE]);
	put_member(text, "\",\"rootfs\":\"", row->rootfs);
	put_member(text, "\",\"created\":\"", row->cells[COLUMN_CREATED]);
	put(text, "\"");
	if (!text_equal(row->annotations, "{}"))
		put_member(text, ",\"annotations\":", row->annotations);
	put_member(text, ",\"owner\":\"", row->cells[COLUMN_OWNER]);
	put(text, "\"}");
}

static void put_json(struct text *text, const struct row *rows, size_t count)
{
	for (size_t n = 1; n < count; n++) {
		put(text, n == 1 ? "[" : ",");
		put_object(text, &rows[n]);
	}
	/* Go writes an empty list as null. */
	put(text, count > 1 ? "]\n" : "null\n");
}

static void put_all(struct text *text, const struct row *rows, size_t count, enum list_form form,
		    const size_t *widths)
{
	switch (form) {
	case LIST_AS_JSON:
		put_json(text, rows, count);
		break;
	case LIST_IDS:
		put_ids(text, rows, count);
		break;
	default:
		put_table(text, rows, count, widths);
		break;
	}
}

static void measure_columns(const struct row *rows, size_t count, size_t *widths)
{
	for (unsigned int i = 0; i < TABLE_COLUMNS; i++) {
		widths[i] = COLUMN_MIN;
		for (size_t n = 0; n < count; n++) {
			size_t wanted = text_length(rows[n].cells[i]) + COLUMN_GAP;

			if (wanted > widths[i])
				widths[i] = wanted;
		}
	}
}

long table_make(const struct row *rows, size_t count, enum list_form form, char **text, size_t *size)
{
	size_t widths[TABLE_COLUMNS];
	struct text measured = {0, 0};
	struct text written = {0, 0};
	long memory;

	measure_columns(rows, count, widths);
	put_all(&measured, rows, count, form, widths);
	memory = sys_memory(measured.size + 1);
	if (memory < 0)
		return memory;
	written.to = (char *)(uintptr_t)memory;
	put_all(&written, rows, count, form, widths);
	*text = written.to;
	*size = written.size;
	return 0;
}
