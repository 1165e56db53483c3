#include "exec.h"

#include "conversation.h"
#include "environment.h"
#include "handover.h"
#include "holes.h"
#include "pid-file.h"

#include "../plan/local.h"

#include <linux/prctl.h>

/* A process with more variables is left to Bun. */
#define VARIABLES_MAX 512

/* The environment of the process. */
struct variables {
	const char *given[VARIABLES_MAX + 1];
	const char *made[VARIABLES_MAX + 1];
	const char *path;
};

/* The container's variables, changed by --env. Without it the program has them already. */
static long take_variables(struct variables *variables, struct values *values, const struct plan_file *plan,
			   const struct command *command)
{
	const struct texts *more = &command->variables;
	struct texts *all = &values->of[HOLE_ENVIRONMENT];
	long count;

	if (more->count == 0) {
		values->open |= 1U << HOLE_ENVIRONMENT | 1U << HOLE_PATH;
		return 0;
	}
	count = holes_list(plan, command->part, HOLE_ENVIRONMENT, variables->given,
			   VARIABLES_MAX - SEVERAL_MAX);
	if (count < 0)
		return count;
	/* The one that compiling has added comes after the others. */
	if (count > 0 && text_equal(variables->given[count - 1], HOME_PLACE))
		count--;
	copy(variables->given + count, more->at, more->count * sizeof(more->at[0]));
	variables->given[(size_t)count + more->count] = 0;
	all->at = variables->made;
	all->count = environment_of_exec(variables->made, variables->given);
	variables->path = environment_path(all);
	values->of[HOLE_PATH] = (struct texts){&variables->path, 1};
	return 0;
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

/* Sends the program of the process, with its holes filled in. */
static long send_program(const struct conversation *talk, const struct plan_file *plan,
			 const struct command *command)
{
	struct variables variables;
	struct values values;
	unsigned char *program;
	size_t size;
	long result;

	zero(&values, sizeof(values));
	values.of[HOLE_ARGUMENT] = command->words;
	/* Otherwise the container's own. */
	if (command->cwd)
		values.of[HOLE_CWD] = (struct texts){&command->cwd, 1};
	else
		values.open = 1U << HOLE_CWD;
	result = take_variables(&variables, &values, plan, command);
	if (result < 0)
		return result;
	program = holes_fill(plan, command->part, &values, &size);
	if (!program)
		return -E2BIG;
	result = conversation_send_program(talk, program, size);
	holes_forget(plan, program, size);
	return result;
}

long exec_run(struct machine *machine, const struct plan_file *plan, const struct command *command)
{
	struct conversation talk;
	long result = run_guard(machine, plan);

	if (result == 0)
		result = conversation_begin(&talk, -1);
	if (result < 0)
		return result;
	if (!command->detach)
		sys5(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	result = send_program(&talk, plan, command);
	if (result == 0)
		result = conversation_await_ready(&talk, 0, 0, 0);
	if (result == 0 && command->pid_file)
		result = pid_file_write(command->pid_file, talk.pid);
	if (result == 0)
		result = conversation_run(&talk);
	if (result == 0 && command->detach)
		return 0;
	if (result == 0) {
		plan_close(plan);
		machine_clear(machine);
		conversation_supervise(&talk, machine, -1, 0, 0);
	}
	handover_failed_at(command->part, &talk.failure);
	conversation_abandon(&talk);
	return result;
}
