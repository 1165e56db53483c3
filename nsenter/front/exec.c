#include "exec.h"

#include "conversation.h"
#include "handover.h"
#include "holes.h"

#include "../plan/local.h"

#include <linux/prctl.h>

long exec_run(struct machine *machine, const struct plan_file *plan, const struct command *command)
{
	struct values values;
	struct conversation talk;
	struct failure failure;
	size_t size;
	unsigned char *program = plan_part(plan, PART_EXEC_GUARD, &size);
	long result = program ? local_run(machine, program, size, &failure) : -ENOENT;

	if (result < 0) {
		if (program)
			handover_failed_at(PART_EXEC_GUARD, &failure);
		return result;
	}
	zero(&values, sizeof(values));
	values.of[HOLE_ARGUMENT] = command->words;
	/* Otherwise the container's own. */
	if (command->cwd)
		values.of[HOLE_CWD] = (struct texts){&command->cwd, 1};
	else
		values.open = 1U << HOLE_CWD;
	program = holes_fill(plan, command->part, &values, &size);
	if (!program)
		return -E2BIG;
	result = conversation_begin(&talk, -1);
	if (result < 0)
		return result;
	if (!command->detach)
		sys5(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	result = conversation_send_program(&talk, program, size);
	holes_forget(plan, program, size);
	if (result == 0)
		result = conversation_await_ready(&talk, 0, 0, 0);
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
