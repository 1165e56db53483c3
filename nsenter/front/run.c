#include "run.h"

#include "../plan/local.h"
#include "../stage/signals.h"
#include "background.h"
#include "conversation.h"
#include "handover.h"
#include "holes.h"
#include "later.h"
#include "mapping.h"
#include "moment.h"
#include "sandbox.h"

#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/signal.h>
#include <linux/signalfd.h>

#define LOCK_UN 8

struct making {
	struct machine *machine;
	const struct plan_file *plan;
	struct values values;
	struct moment moment;
	const char *directory;
	const char *log; /* path of the log's directory, if output is kept */
	struct keep_request keep;
	const char *created;
	const char *pid;
	const char *start_time;
	struct manner manner;
	struct conversation talk;
};

/* Holds signals that would end this process while it makes files that would stay. Waits check for them. */
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

/* A signal that has come ends this process here. */
static void release_signals(const struct held *held)
{
	if (held->fd >= 0)
		sys1(__NR_close, held->fd);
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &held->before, 0, sizeof(held->before));
}

/* Runs a program in this process. *begun: whether it has made changes that have to be undone. */
static long run_here(const struct making *making, enum plan_part index, int *begun)
{
	size_t size;
	unsigned char *program = holes_fill(making->plan, index, &making->values, &size);
	struct failure failure;
	long result = program ? local_run(making->machine, program, size, &failure) : -EBADMSG;

	if (program && result < 0)
		handover_failed_at(index, &failure);
	*begun = program && (result == 0 || local_has_begun(program, size, &failure));
	holes_forget(making->plan, program, size);
	return result;
}

static long send_part(const struct making *making, enum plan_part index)
{
	size_t size;
	unsigned char *program = holes_fill(making->plan, index, &making->values, &size);
	long result = program ? conversation_send_program(&making->talk, program, size) : -EBADMSG;

	holes_forget(making->plan, program, size);
	return result;
}

static int has_part(const struct making *making, enum plan_part index)
{
	size_t size;

	return plan_part(making->plan, index, &size) != 0;
}

/* With hooks, the last program comes after them. */
static long send_rest(const struct making *making)
{
	long result = send_part(making, PART_BUILD);

	return result < 0 || has_part(making, PART_HOOKS) ? result : send_part(making, PART_FINISH);
}

/* Prints warnings, when no step can fail any more. After a failure Bun does the command again, and warns. */
static void warn(const struct making *making)
{
	size_t size;
	const unsigned char *lines = plan_part(making->plan, PART_WARNINGS, &size);

	if (lines)
		file_write_all(background_stderr(), lines, size);
}

static void set_value(struct values *values, enum hole_kind kind, const char *const *text)
{
	values->of[kind] = (struct texts){text, 1};
}

static int maps_ids(const struct making *making)
{
	return has_part(making, PART_NEWUIDMAP);
}

/* Writes what will be state.json. */
static long save(struct making *making)
{
	int begun;
	long result = moment_take(&making->moment, making->talk.pid);

	making->created = making->moment.created;
	making->pid = making->moment.pid;
	making->start_time = making->moment.start_time;
	set_value(&making->values, HOLE_CREATED, &making->created);
	set_value(&making->values, HOLE_PID, &making->pid);
	set_value(&making->values, HOLE_START_TIME, &making->start_time);
	return result < 0 ? result : run_here(making, PART_SAVE, &begun);
}

/* Gives state.json its name, and writes the plans whose guard is its stamp. */
static long publish(struct making *making)
{
	char state[PATH_SIZE];
	int begun;
	long result = run_here(making, PART_PUBLISH, &begun);

	if (result == 0)
		result = path_append(state, 0, making->directory, text_length(making->directory));
	if (result >= 0)
		result = path_append(state, result, "/" STATE_FILE, sizeof("/" STATE_FILE) - 1);
	return result < 0 ? result
			  : later_write(making->plan, &making->values, state,
					making->machine->slots[SLOT_DIRECTORY]);
}

/* While the process makes its mounts. */
static long go_on(void *context)
{
	struct making *making = context;
	long result = 0;

	if (maps_ids(making)) {
		result = map_ids(making->plan, making->talk.pid);
		if (result == 0)
			result = conversation_send(&making->talk, PROC_RESUME);
		if (result == 0)
			result = send_rest(making);
	}
	return result < 0 ? result : save(making);
}

/* While the process waits with all of its mounts made. */
static long run_hooks(void *context)
{
	struct making *making = context;
	int begun;
	long result = run_here(making, PART_HOOKS, &begun);

	return result < 0 ? result : send_part(making, PART_FINISH);
}

static long converse(struct making *making)
{
	long (*hooks)(void *) = has_part(making, PART_HOOKS) ? run_hooks : 0;
	int maps = maps_ids(making);
	long result = maps ? 0 : send_rest(making);

	if (result == 0)
		result = conversation_await_ready(&making->talk, maps, go_on, hooks, making);
	if (result == 0)
		result = publish(making);
	if (result == 0)
		warn(making);
	if (result == 0)
		result = conversation_run(&making->talk);
	/* Before the caller's next command, which does not have to wait then. */
	if (result == 0)
		sys2(__NR_flock, making->machine->slots[SLOT_DIRECTORY], LOCK_UN);
	return result < 0 ? result : background_tell(making->values.of[HOLE_ID].at[0]);
}

/* Gets the descriptors for kept output. In the foreground nothing is kept. */
static void take_keep(struct making *making)
{
	const int64_t *slots = making->machine->slots;
	struct keep_request *keep = &making->keep;

	keep_nothing(keep);
	if ((making->manner.flags & MANNER_BACKGROUND) == 0)
		return;
	background_streams(keep);
	keep->directory = (int32_t)slots[SLOT_LOG];
	keep->result = (int32_t)slots[SLOT_EXIT];
	keep->control = (int32_t)slots[SLOT_ATTACH];
	keep->limit = making->manner.limit;
}

/* Stays as the supervisor, or ends. */
__attribute__((noreturn)) static void supervise_container(struct making *making, unsigned char *cleanup,
							  size_t size)
{
	long directory = making->machine->slots[SLOT_DIRECTORY];

	if ((making->manner.flags & MANNER_LEAVES) != 0)
		sys_exit(0);
	if (making->talk.keep.directory >= 0 && making->talk.terminal >= 0)
		making->talk.keep.out = making->talk.keep.input = making->talk.terminal;
	plan_close(making->plan);
	machine_clear(making->machine);
	conversation_supervise(&making->talk, making->machine, directory, cleanup,
			       (making->manner.flags & MANNER_STAYS) != 0 ? 0 : size);
}

/* The process enters its namespaces while its directory is made. */
static long begin(struct making *making, int signals)
{
	long result = conversation_begin(&making->talk, signals);

	if (result < 0)
		return result;
	making->talk.supervise = making->manner.supervise;
	making->talk.timeout = making->manner.timeout;
	sys5(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	result = send_part(making, PART_ENTER);
	if (result < 0)
		conversation_abandon(&making->talk);
	return result;
}

/* The container's directory exists and is locked. */
static long start_container(struct making *making)
{
	size_t size;
	const unsigned char *template = plan_part(making->plan, PART_CLEANUP, &size);
	unsigned char *cleanup = holes_fill(making->plan, PART_CLEANUP, &making->values, &size);
	long result;

	/* The program has a hole for the directory. So it is in separate memory, which outlives that of the file. */
	if (!cleanup || cleanup == template)
		return -EBADMSG;
	making->talk.keep = making->keep;
	result = converse(making);
	if (result == 0)
		supervise_container(making, cleanup, size);
	if (making->talk.failure.program <= PART_FINISH - PART_ENTER)
		handover_failed_at(PART_ENTER + (enum plan_part)making->talk.failure.program,
				   &making->talk.failure);
	return result;
}

/* Makes the path of a directory whose name is the container's id. 0 or -errno. */
static long put_path(char *path, const char *parent, const char *id)
{
	long result = path_append(path, 0, parent, text_length(parent));

	result = path_append(path, result, "/", 1);
	result = path_append(path, result, id, text_length(id));
	return result < 0 ? result : 0;
}

/* Makes the path of the log's directory. 0 or -errno. */
static long find_log(struct making *making, char *path, const char *id)
{
	size_t size;
	const char *logs = (const char *)plan_part(making->plan, PART_LOGS, &size);

	if ((making->manner.flags & MANNER_BACKGROUND) == 0)
		return 0;
	if (!logs || text_length(logs) + 1 != size)
		return -EBADMSG;
	making->log = path;
	set_value(&making->values, HOLE_LOG, &making->log);
	return put_path(path, logs, id);
}

long run_container(struct machine *machine, const struct plan_file *plan, const struct command *command)
{
	char path[PATH_SIZE];
	char log[PATH_SIZE];
	struct making making;
	struct held held;
	const char *id = command->id;
	int begun = 0;
	long result;

	zero(&making, sizeof(making));
	making.machine = machine;
	making.plan = plan;
	making.directory = path;
	making.manner = sandbox_manner(plan);
	if (!id)
		id = sandbox_name(plan, &making.manner);
	if (!id)
		return -EBADMSG;
	result = put_path(path, command->root, id);
	if (result == 0)
		result = find_log(&making, log, id);
	if (result == 0)
		result = sandbox_values(plan, &making.manner, command, id, &making.values);
	if (result < 0)
		return result;
	set_value(&making.values, HOLE_ID, &id);
	set_value(&making.values, HOLE_DIRECTORY, &making.directory);
	hold_signals(&held);
	result = begin(&making, held.fd);
	if (result == 0) {
		result = run_here(&making, PART_MAKE, &begun);
		take_keep(&making);
		if (result == 0)
			result = start_container(&making);
		conversation_abandon(&making.talk);
	}
	if (begun) {
		run_here(&making, PART_CLEANUP, &begun);
		sys1(__NR_close, machine->slots[SLOT_DIRECTORY]);
	}
	release_signals(&held);
	return result;
}
