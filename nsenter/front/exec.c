#include "exec.h"

#include "conversation.h"
#include "template.h"

#include <linux/prctl.h>

/* Until there is nothing left that can fail but execve. The messages with the pid and of readiness come in any order. */
static long await_ready(struct conversation *talk)
{
	int ready = 0;

	while (!ready || talk->pid == 0) {
		long type = conversation_next(talk);

		if (type == PROC_READY)
			ready = 1;
		else if (type != PROC_PID)
			return type < 0 ? type : -EPROTO;
	}
	return 0;
}

void plans_exec(struct machine *machine, const struct plans *plans, const struct command *command)
{
	struct conversation talk;
	size_t template_size;
	size_t size;
	unsigned char *template = plans_get(plans, LOCAL_EXEC, &template_size);
	const unsigned char *program;

	if (!template || plans_run(machine, plans, LOCAL_EXEC_GUARD) < 0)
		return;
	program = template_fill(template, template_size, command, &size);
	if (!program || conversation_begin(&talk, -1) < 0)
		return;
	sys5(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (conversation_send_program(&talk, program, size) < 0 || await_ready(&talk) < 0 ||
	    conversation_run(&talk) < 0) {
		conversation_abandon(&talk);
		return;
	}
	plans_close(plans);
	machine_clear(machine);
	conversation_supervise(&talk, machine, 0, 0);
}
