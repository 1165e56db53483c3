#include "run.h"

#include "../stage/signals.h"
#include "conversation.h"
#include "mapping.h"
#include "state.h"

#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/signal.h>
#include <linux/signalfd.h>

#define LOCK_EX_NB 6
#define LOCK_UN 8

struct making {
	const struct cached *cached;
	const char *id;
	long directory; /* the container's */
	struct conversation talk;
};

/* Signals that would end this process and leave behind what it is making: they wait, and are looked for. */
struct held {
	uint64_t before; /* the mask */
	int fd;
};

static void hold_signals(struct held *held)
{
	uint64_t mask = deadly_signals();

	sys4(__NR_rt_sigprocmask, SIG_BLOCK, &mask, &held->before, sizeof(mask));
	held->fd = (int)sys4(__NR_signalfd4, -1, &mask, sizeof(mask), SFD_CLOEXEC | SFD_NONBLOCK);
}

/* One that has come ends this process here. */
static void release_signals(const struct held *held)
{
	if (held->fd >= 0)
		sys1(__NR_close, held->fd);
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &held->before, 0, sizeof(held->before));
}

static void put_id(const struct cached *cached, const char *id)
{
	size_t size;
	const uint32_t *at = (const void *)cached_part(cached, PART_IDS, &size);

	for (size_t i = 0; at && i < size / sizeof(*at); i++)
		copy(cached->file.data + at[i], id, text_length(id) + 1);
}

/* As claim() of src/container/state/store.ts. */
static long claim(struct making *making)
{
	long root = making->cached->root;
	long result = sys3(__NR_mkdirat, root, making->id, DIRECTORY_MODE);

	if (result < 0)
		return result;
	making->directory = sys4(__NR_openat, root, making->id,
				 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (making->directory < 0) {
		sys3(__NR_unlinkat, root, making->id, AT_REMOVEDIR);
		return making->directory;
	}
	/* Another command that already has it has waited for just this container, and will find it there. */
	return sys2(__NR_flock, making->directory, LOCK_EX_NB);
}

static void unclaim(const struct making *making)
{
	static const char *const files[] = {STATE_FILE, STATE_FILE_NEW, EXEC_FILE, FILTER_FILE};

	for (unsigned int i = 0; i < ARRAY_LENGTH(files); i++)
		sys3(__NR_unlinkat, making->directory, files[i], 0);
	sys3(__NR_unlinkat, making->cached->root, making->id, AT_REMOVEDIR);
	sys1(__NR_close, making->directory);
}

static long send_part(const struct making *making, enum cached_part index)
{
	size_t size;
	const unsigned char *data = cached_part(making->cached, index, &size);

	return data ? conversation_send_program(&making->talk, data, size) : -EBADMSG;
}

static long send_rest(const struct making *making)
{
	long result = send_part(making, PART_BUILD);

	return result < 0 ? result : send_part(making, PART_FINISH);
}

static long save_part(const struct making *making, enum cached_part index, const char *name)
{
	size_t size;
	const unsigned char *data = cached_part(making->cached, index, &size);

	return data ? file_make(making->directory, name, data, size) : 0;
}

static long map(void *context)
{
	const struct making *making = context;
	long result = map_ids(making->cached, making->talk.pid);

	if (result == 0)
		result = conversation_send(&making->talk, PROC_RESUME);
	return result < 0 ? result : send_rest(making);
}

/* When all that can fail has been done: what is done again by Bun is warned of by Bun. */
static void warn(const struct making *making)
{
	size_t size;
	const unsigned char *lines = cached_part(making->cached, PART_WARNINGS, &size);

	if (lines)
		file_write_all(2, lines, size);
}

static long converse(struct making *making)
{
	size_t maps;
	long result;

	cached_part(making->cached, PART_NEWUIDMAP, &maps);
	result = send_part(making, PART_ENTER);
	if (result == 0 && maps == 0)
		result = send_rest(making);
	if (result == 0)
		result = save_part(making, PART_FILTER, FILTER_FILE);
	if (result == 0)
		result = save_part(making, PART_EXEC, EXEC_FILE);
	if (result == 0)
		result = conversation_await_ready(&making->talk, map, making);
	if (result == 0)
		result = state_save(making->cached, making->directory, making->id, making->talk.pid);
	if (result == 0)
		warn(making);
	return result < 0 ? result : conversation_run(&making->talk);
}

__attribute__((noreturn)) static void supervise_container(struct machine *machine,
							  const struct making *making)
{
	static unsigned char program[CLEANUP_MAX] __attribute__((aligned(8)));
	size_t size;
	const unsigned char *cleanup = cached_part(making->cached, PART_CLEANUP, &size);

	copy(program, cleanup, size);
	file_forget(&making->cached->file);
	sys2(__NR_flock, making->directory, LOCK_UN);
	machine_clear(machine);
	machine->slots[CLEANUP_CONTAINER] = making->directory;
	machine->slots[CLEANUP_ROOT] = making->cached->root;
	conversation_supervise(&making->talk, machine, program, size);
}

void cached_run(struct machine *machine, const struct cached *cached, const struct command *command)
{
	struct making making = {.cached = cached, .id = command->id};
	struct held held;
	size_t cleanup;

	if (!cached_part(cached, PART_CLEANUP, &cleanup) || cleanup > CLEANUP_MAX)
		return;
	put_id(cached, command->id);
	making.directory = -1;
	hold_signals(&held);
	if (claim(&making) == 0 && conversation_begin(&making.talk, held.fd) == 0) {
		sys5(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
		if (converse(&making) == 0)
			supervise_container(machine, &making);
		conversation_abandon(&making.talk);
	}
	if (making.directory >= 0)
		unclaim(&making);
	release_signals(&held);
}
