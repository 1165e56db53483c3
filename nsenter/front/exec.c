#include "exec.h"

#include "conversation.h"
#include "environment.h"
#include "handover.h"
#include "holes.h"
#include "pid-file.h"
#include "process-file.h"
#include "terminal.h"

#include "../plan/local.h"

#include <linux/prctl.h>

/* What an exec fills into a plan. */
struct request {
	const struct plan_file *plan;
	const struct command *command;
	struct process_file file; /* of --process */
	enum plan_part part;
	struct values values;
	const char *variables[PROCESS_LIST_MAX + 1];
	const char *path;
	const char *cwd;
};

static void set_environment(struct request *request, const char *const *variables)
{
	struct texts *all = &request->values.of[HOLE_ENVIRONMENT];

	all->at = request->variables;
	all->count = environment_of_exec(request->variables, variables);
	request->path = environment_path(all);
	request->values.of[HOLE_PATH] = (struct texts){&request->path, 1};
}

/* The container's variables, changed by --env. Without it the program has them already. */
static long change_variables(struct request *request)
{
	const struct texts *more = &request->command->variables;
	const char *variables[PROCESS_LIST_MAX];
	long count;

	if (more->count == 0) {
		request->values.open |= 1U << HOLE_ENVIRONMENT | 1U << HOLE_PATH;
		return 0;
	}
	count = holes_list(request->plan, request->part, HOLE_ENVIRONMENT, variables,
			   ARRAY_LENGTH(variables) - SEVERAL_MAX - 1);
	if (count < 0)
		return count;
	/* The one that compiling has added comes after the others. */
	if (count > 0 && text_equal(variables[count - 1], HOME_PLACE))
		count--;
	copy(variables + count, more->at, more->count * sizeof(more->at[0]));
	variables[(size_t)count + more->count] = 0;
	set_environment(request, variables);
	return 0;
}

static void set_directory(struct request *request, const char *cwd)
{
	request->cwd = cwd;
	request->values.of[HOLE_CWD] = (struct texts){&request->cwd, 1};
}

static void set_id(struct request *request, enum hole_kind kind, const char *const *id)
{
	/* Otherwise the container's own. */
	if (*id)
		request->values.of[kind] = (struct texts){id, 1};
	else
		request->values.open |= 1U << kind;
}

/* The process of the command line. */
static long take_words(struct request *request)
{
	const struct command *command = request->command;

	request->values.of[HOLE_ARGUMENT] = command->words;
	/* Otherwise the container's own. */
	if (command->cwd)
		set_directory(request, command->cwd);
	else
		request->values.open |= 1U << HOLE_CWD;
	set_id(request, HOLE_UID, &command->uid);
	set_id(request, HOLE_GID, &command->gid);
	return change_variables(request);
}

/* The process of a file. */
static long take_file(struct request *request)
{
	struct process_file *file = &request->file;
	long result = process_file_read(file, request->command->process);

	if (result < 0)
		return result;
	if (!process_file_fits(file, request->plan) || file->cwd[0] != '/' ||
	    !are_variables(&(struct texts){file->env, file->env_count}))
		return -ESTALE;
	/* The user has been compared. */
	request->values.open |= 1U << HOLE_UID | 1U << HOLE_GID;
	if (file->terminal)
		request->part = PART_EXEC_TERMINAL;
	request->values.of[HOLE_ARGUMENT] = (struct texts){file->args, file->arg_count};
	set_directory(request, file->cwd);
	set_environment(request, file->env);
	return 0;
}

/* Sends the program of the process. */
static long send_program(struct conversation *talk, const struct request *request)
{
	const struct command *command = request->command;
	int terminal = request->part == PART_EXEC_TERMINAL;
	unsigned char *program;
	size_t size;
	long result;

	/* A detached terminal, and no other one, goes to a socket. Bun explains a mistake. */
	if ((command->detach && terminal) != (command->console != 0))
		return -EINVAL;
	program = holes_fill(request->plan, request->part, &request->values, &size);
	if (!program)
		return -E2BIG;
	result = conversation_begin(talk, -1);
	if (result == 0) {
		talk->detached = command->detach;
		if (!command->detach)
			sys5(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
		result = conversation_send_program(talk, program, size);
		if (result < 0)
			conversation_abandon(talk);
	}
	holes_forget(request->plan, program, size);
	return result;
}

/* Begins a conversation with the process. Nothing of the request is in memory afterwards. */
static long begin(struct conversation *talk, const struct plan_file *plan, const struct command *command,
		  enum plan_part *part)
{
	struct request request;
	long result;

	request.plan = plan;
	request.command = command;
	request.part = command->part;
	request.file.bytes.data = 0;
	zero(&request.values, sizeof(request.values));
	request.values.open = 0; /* gcc's analyzer does not follow zero */
	result = command->process ? take_file(&request) : take_words(&request);
	*part = request.part;
	if (result == 0)
		result = send_program(talk, &request);
	process_file_forget(&request.file);
	return result;
}

/* Tells others of a process that is ready. */
static long publish(struct conversation *talk, const struct command *command)
{
	long result = 0;

	if (command->console) {
		result = terminal_send(command->console, talk->terminal);
		if (result == 0)
			handover_console_sent();
	}
	if (result == 0 && command->pid_file)
		result = pid_file_write(command->pid_file, talk->pid);
	return result;
}

/* Checks whether the container runs. */
static long run_guard(struct machine *machine, const struct plan_file *plan)
{
	struct failure failure;
	size_t size;
	unsigned char *program = plan_part(plan, PART_EXEC_GUARD, &size);
	long result = program ? local_run(machine, program, size, &failure) : -ENOENT;

	if (program && result < 0)
		handover_failed_at(PART_EXEC_GUARD, &failure);
	return result;
}

long exec_run(struct machine *machine, const struct plan_file *plan, const struct command *command)
{
	struct conversation talk;
	enum plan_part part = command->part;
	long result = run_guard(machine, plan);

	if (result == 0)
		result = begin(&talk, plan, command, &part);
	if (result < 0)
		return result;
	result = conversation_await_ready(&talk, 0, 0, 0, 0);
	if (result == 0)
		result = publish(&talk, command);
	if (result == 0)
		result = conversation_run(&talk);
	if (result == 0 && command->detach)
		return 0;
	if (result == 0) {
		plan_close(plan);
		machine_clear(machine);
		conversation_supervise(&talk, machine, -1, 0, 0);
	}
	handover_failed_at(part, &talk.failure);
	conversation_abandon(&talk);
	return result;
}
