#include "exec.h"

#include "conversation.h"
#include "template.h"

#include <linux/prctl.h>

void plans_exec(struct machine *machine, const struct plans *plans, const struct command *command)
{
	struct conversation talk;
	size_t template_size;
	size_t size;
	unsigned char *template = plans_get(plans, LOCAL_EXEC, &template_size);
	const struct words argv = {command->words, command->word_count};
	const unsigned char *program;

	if (!template || plans_run(machine, plans, LOCAL_EXEC_GUARD) < 0)
		return;
	program = template_fill(template, template_size, &argv, 0, &size);
	if (!program || conversation_begin(&talk, -1) < 0)
		return;
	sys5(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (conversation_send_program(&talk, program, size) < 0 ||
	    conversation_await_ready(&talk, 0, 0) < 0 || conversation_run(&talk) < 0) {
		conversation_abandon(&talk);
		return;
	}
	plans_close(plans);
	machine_clear(machine);
	conversation_supervise(&talk, machine, 0, 0);
}
