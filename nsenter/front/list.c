#include "list.h"

#include "entries.h"
#include "handover.h"
#include "stored-state.h"
#include "table.h"

#include "../plan/output.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

_Static_assert(LOOK_FIFO < SLOTS_CLEARED && READ_LENGTH < SLOTS_CLEARED,
	       "slots that are set before a program");

#define STDOUT 1

/* Address space for all texts. Only what is used takes memory. */
#define TEXTS_SIZE (64U << 20)

struct list {
	struct machine *machine;
	enum list_form form;
	long root;
	struct program read;
	struct program look;
	const char *words[LIST_WORDS];
	char *texts; /* free space */
	char *end;
	const char **ids;
	size_t count;
};

/* Keeps a text. Null if there is no more space, then and from then on. */
static char *keep(struct list *list, const char *text)
{
	size_t size = text_length(text) + 1;
	char *kept = list->texts;

	if (size > (size_t)(list->end - kept)) {
		list->texts = list->end;
		return 0;
	}
	copy(kept, text, size);
	list->texts += size;
	return kept;
}

static int is_before(const char *a, const char *b)
{
	while (*a != 0 && *a == *b) {
		a++;
		b++;
	}
	return *a < *b;
}

static void swap(const char **a, const char **b)
{
	const char *kept = *a;

	*a = *b;
	*b = kept;
}

static void sink(const char **ids, size_t at, size_t count)
{
	size_t child;

	while ((child = 2 * at + 1) < count) {
		if (child + 1 < count && is_before(ids[child], ids[child + 1]))
			child++;
		if (!is_before(ids[at], ids[child]))
			return;
		swap(&ids[at], &ids[child]);
		at = child;
	}
}

/* Heapsort. */
static void sort(const char **ids, size_t count)
{
	for (size_t i = count / 2; i > 0; i--)
		sink(ids, i - 1, count);
	for (; count > 1; count--) {
		swap(&ids[0], &ids[count - 1]);
		sink(ids, 0, count - 1);
	}
}

/* Memory for an array. Null if there is none. */
static void *array(size_t count, size_t size)
{
	long memory = sys_memory((count + 1) * size);

	return memory < 0 ? 0 : (void *)(uintptr_t)memory;
}

/* Lists the ids below the state directory, sorted. Like listIds() of src/container/state/store.ts. */
static long find_ids(struct list *list, const char *root)
{
	struct listing listing;
	const char *first = list->texts;
	const char *name;

	list->root = entries_open(&listing, root);
	if (list->root < 0)
		return list->root;
	if (file_own(list->root, S_IFDIR, UINT64_MAX) < 0)
		return -EPERM;
	while ((name = listing_next(&listing))) {
		if (!command_is_id(name))
			continue;
		if (!keep(list, name))
			return -ENOMEM;
		list->count++;
	}
	list->ids = listing.size < 0 ? 0 : array(list->count, sizeof(*list->ids));
	if (!list->ids)
		return listing.size < 0 ? listing.size : -ENOMEM;
	for (size_t i = 0; i < list->count; i++, first += text_length(first) + 1)
		list->ids[i] = first;
	sort(list->ids, list->count);
	return 0;
}

/* Writes the path of a container's file, relative to the state directory. */
static uint64_t path_of(char *path, const char *id, const char *file)
{
	long length = path_append(path, 0, id, text_length(id));

	length = path_append(path, length, "/", 1);
	return path_append(path, length, file, text_length(file)) < 0 ? 0 : (uint64_t)(uintptr_t)path;
}

static int read_state(struct list *list, const char *id, struct stored_state *state)
{
	static char text[STATE_ROOM];
	static char path[PATH_SIZE];
	struct failure failure;
	int64_t *slots = list->machine->slots;

	slots[SLOT_DIRECTORY] = list->root;
	slots[READ_FILE] = (int64_t)path_of(path, id, STATE_FILE);
	slots[READ_TO] = (int64_t)(uintptr_t)text;
	slots[READ_LENGTH] = -1;
	return program_run(list->machine, &list->read, &failure) == 0 && slots[READ_LENGTH] >= 0 &&
	       slots[READ_LENGTH] < STATE_ROOM &&
	       stored_state_read(state, text, (size_t)slots[READ_LENGTH], id);
}

/* The status in words; null if it cannot be told. Like list() of src/container/state/list.ts. */
static const char *look_at(struct list *list, const char *id, const struct stored_state *state)
{
	static char path[PATH_SIZE];
	struct failure failure;
	int64_t *slots = list->machine->slots;
	uint16_t kind;

	slots[SLOT_DIRECTORY] = list->root;
	slots[LOOK_PID] = (int64_t)state->pid;
	slots[LOOK_START_TIME] = (int64_t)state->start_time;
	slots[LOOK_FREEZER] = (int64_t)(uintptr_t)state->freezer;
	slots[LOOK_FIFO] = (int64_t)path_of(path, id, FIFO_FILE);
	if (program_run(list->machine, &list->look, &failure) == 0)
		return list->words[WORD_CREATED];
	kind = list->look.ops[failure.op].kind;
	if (kind == OP_ALIVE && failure.error == ESRCH)
		return list->words[WORD_STOPPED];
	if (kind == OP_CHECK && failure.error == EAGAIN)
		return list->words[WORD_PAUSED];
	return kind == OP_SYSCALL && failure.error == ENOENT ? list->words[WORD_RUNNING] : 0;
}

static int fill_row(struct list *list, const char *id, struct row *row)
{
	struct stored_state state;
	char pid[21];
	const char *status;

	if (!read_state(list, id, &state))
		return 0;
	status = list->form == LIST_IDS ? "" : look_at(list, id, &state);
	if (!status)
		return 0;
	pid[text_decimal(pid, status == list->words[WORD_STOPPED] ? 0 : state.pid)] = 0;
	row->cells[COLUMN_ID] = id;
	row->cells[COLUMN_PID] = keep(list, pid);
	row->cells[COLUMN_STATUS] = status;
	row->cells[COLUMN_BUNDLE] = keep(list, state.bundle);
	row->cells[COLUMN_CREATED] = keep(list, state.created);
	row->cells[COLUMN_OWNER] = list->words[WORD_OWNER];
	row->oci_version = keep(list, state.oci_version);
	row->rootfs = keep(list, state.rootfs);
	row->annotations = keep(list, state.annotations);
	/* If there was no space for one of them, there was none for the last text. */
	return keep(list, "") != 0;
}

/* Takes the words of the table from the plan file. */
static int take_words(struct list *list, const struct plan_file *plan)
{
	size_t size;
	const char *at = (const char *)plan_part(plan, PART_LIST_WORDS, &size);
	const char *end = at + size;

	if (!at || end[-1] != 0)
		return 0;
	for (unsigned int i = 0; i < LIST_WORDS; i++) {
		if (at == end)
			return 0;
		list->words[i] = at;
		at += text_length(at) + 1;
	}
	return at == end;
}

static long prepare(struct program *program, const struct plan_file *plan, enum plan_part part)
{
	size_t size;
	unsigned char *data = plan_part(plan, part, &size);
	long result = data ? program_decode(program, data, size) : -EBADMSG;

	if (result == 0)
		program_relocate(program);
	return result;
}

static long print(struct list *list, const struct plan_file *plan)
{
	struct row *rows = array(list->count + 1, sizeof(*rows));
	struct failure failure = {0};
	char *text;
	size_t size;
	long result;

	if (!rows)
		return -ENOMEM;
	for (unsigned int i = 0; i < TABLE_COLUMNS; i++)
		rows[0].cells[i] = list->words[WORD_TITLES + i];
	for (size_t i = 0; i < list->count; i++)
		if (!fill_row(list, list->ids[i], &rows[i + 1]))
			return -ESTALE;
	result = table_make(rows, list->count + 1, list->form, &text, &size);
	if (result < 0)
		return result;
	result = output_write(STDOUT, (const unsigned char *)text, size);
	if (result < 0) {
		/* Bun must not print it again, but say why it ended. */
		failure.error = (int32_t)-result;
		handover_leave(&failure, -1, plan->directory);
	}
	return result;
}

long list_run(struct machine *machine, const struct plan_file *plan, const struct command *command)
{
	struct list list;
	long memory = sys_memory(TEXTS_SIZE);
	long result = memory < 0 ? memory : 0;

	zero(&list, sizeof(list));
	list.machine = machine;
	list.form = command->form;
	list.root = -1;
	list.texts = (char *)(uintptr_t)memory;
	list.end = list.texts + TEXTS_SIZE;
	if (result == 0)
		result = prepare(&list.read, plan, PART_LIST_READ);
	if (result == 0)
		result = prepare(&list.look, plan, PART_LIST_LOOK);
	if (result == 0 && !take_words(&list, plan))
		result = -EBADMSG;
	if (result == 0)
		result = find_ids(&list, command->root);
	if (result == 0)
		result = print(&list, plan);
	/* If Bun goes on, it has the rest of the memory, some bytes for each container, for nothing. */
	if (list.root >= 0)
		sys1(__NR_close, list.root);
	if (memory >= 0)
		sys2(__NR_munmap, memory, TEXTS_SIZE);
	return result;
}
