/*
 * The front: the program that the kernel starts as brun. If a command has a plan in a file (plan-file.h), the
 * front does all of it. For any other command it loads Bun with brun's TypeScript, as the kernel would have done.
 * It costs a fraction of a millisecond, and changes nothing before. scripts/front.ts adds it to the executable.
 */
#include "background.h"
#include "handover.h"
#include "engine.h"
#include "exec.h"
#include "hook.h"
#include "input.h"
#include "libc.h"
#include "list.h"
#include "loader.h"
#include "plan-file.h"
#include "run.h"
#include "sandbox.h"
#include "sandbox-words.h"

#include "../plan/local.h"
#include "../stage/signals.h"

#include <linux/fcntl.h>
#include <linux/signal.h>

#define HANDLER_DEFAULT 0 /* SIG_DFL */
#define HANDLER_IGNORE 1  /* SIG_IGN */

/* scripts/front.ts fills this in. It finds it by its section. */
__attribute__((section(".behind"), used)) struct behind behind_front = {1, 0, 0, {{0, 0, 0, 0, 0, 0, 0, 0}}};

static struct machine machine;

/* Like src/cli/log.ts: the log file exists after a command has succeeded. */
static long touch_log(const char *path)
{
	long fd = sys4(__NR_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC,
		       0644);

	return fd < 0 ? fd : sys1(__NR_close, fd);
}

/* Whether a plan may run now. Otherwise Bun does the command. */
static int may_run(const struct command *command)
{
	int shown = command->observed && !command->on;
	long result = command->log && !shown ? touch_log(command->log) : 0;

	if (shown || result < 0)
		handover_fall_back(shown ? FALL_BACK_OBSERVED : FALL_BACK_LOG, result);
	return !shown && result == 0;
}

/* If a failed plan must not run again, this leaves Bun the data to explain the failure. */
static long run_local(const struct plan_file *plan, const struct command *command)
{
	size_t size;
	unsigned char *program = plan_part(plan, command->part, &size);
	struct failure failure;
	long result;

	machine.slots[SLOT_DIRECTORY] = plan->directory;
	machine.slots[SLOT_SIGNAL] = command->signal;
	result = local_run(&machine, program, size, &failure);
	if (result < 0)
		handover_failed_at(command->part, &failure);
	if (result < 0 && local_has_begun(program, size, &failure))
		handover_leave(&failure, machine.slots[SLOT_KEPT], plan->directory);
	return result;
}

/* Returns 0 if the command is done, or -errno. */
static long run_plan(const struct plan_file *plan, const struct command *command)
{
	machine_clear(&machine);
	switch (command->part) {
	case PART_ENTER:
		return run_container(&machine, plan, command);
	case PART_LIST_READ:
		return list_run(&machine, plan, command);
	case PART_EXEC:
	case PART_EXEC_TERMINAL:
		machine.slots[SLOT_DIRECTORY] = plan->directory;
		return exec_run(&machine, plan, command);
	default:
		return run_local(plan, command);
	}
}

/* Does the command by its plan. Returns if Bun has to do it, after setting the reason. */
static void follow_plan(const struct plan_file *plan, const struct command *command)
{
	size_t size;
	long result;

	if (!plan_agrees(plan, command)) {
		handover_fall_back(FALL_BACK_OTHER_PLAN, -ESTALE);
	} else if (!plan_part(plan, command->part, &size)) {
		handover_fall_back(FALL_BACK_MORE_PLAN, 0);
	} else if (may_run(command)) {
		result = run_plan(plan, command);
		if (result == 0)
			sys_exit(0);
		handover_fall_back(FALL_BACK_FAILED, result);
	}
}

static void try_plan(const struct command *command)
{
	struct plan_file plan;
	long result = plan_open(&plan, command);

	if (result < 0) {
		handover_fall_back(result == -ENOENT ? FALL_BACK_NO_PLAN : FALL_BACK_OTHER_PLAN, result);
		return;
	}
	if ((sandbox_manner(&plan).flags & MANNER_BACKGROUND) != 0)
		background_run(&plan, command, follow_plan);
	else
		follow_plan(&plan, command);
	/* Bun's stage has to have the caller's stdin. */
	if (input_restore())
		handover_end();
	if (!handover_has_left())
		plan_close(&plan);
}

/* The plan for any current directory, and the one for this. */
static void try_both_plans(struct command *command)
{
	struct fallen first;

	try_plan(command);
	first = *handover_fallen();
	if (first.reason != FALL_BACK_NO_PLAN && first.reason != FALL_BACK_OTHER_PLAN)
		return;
	sandbox_key(command, command->directory);
	try_plan(command);
	if (handover_fallen()->reason == FALL_BACK_NO_PLAN)
		handover_set_fallen(&first);
}

static void set_action(int sig, uint64_t handler)
{
	struct kernel_sigaction action;

	zero(&action, sizeof(action));
	action.handler = handler;
	sys4(__NR_rt_sigaction, sig, &action, 0, sizeof(action.mask));
}

/* Resets signal actions, which the caller may have changed. */
static void set_actions(void)
{
	/* Like Bun: a failed write, also to a pipe without a reader, is an error that brun reports. */
	set_action(SIGPIPE, HANDLER_IGNORE);
	set_action(SIGXFSZ, HANDLER_IGNORE);
	/* If SIGCHLD is ignored, children leave no status. */
	set_action(SIGCHLD, HANDLER_DEFAULT);
}

/*
 * Opens /dev/null for closed stdio. Otherwise the next file that is opened would get the number.
 * Go's programs do the same.
 */
static void open_stdio(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (sys3(__NR_fcntl, fd, F_GETFD, 0) == -EBADF)
			sys4(__NR_openat, AT_FDCWD, "/dev/null", O_RDWR, 0);
}

/* Keeps the caller's limit for all programs that brun starts. Bun raises its own. */
static void keep_open_files(void)
{
	uint64_t limit[2] = {0, 0};

	sys4(__NR_prlimit64, 0, LIMIT_OPEN_FILES, 0, limit);
	spawn_open_files = limit[0];
}

/*
 * Maps Bun's dynamic loader and returns its entry point. If Bun cannot be loaded, it prints a
 * line and ends the process.
 */
static long load_bun(int argc, const char *const *argv, const char *const *envp)
{
	static struct complaint complaint;
	const char *const *end = envp;
	long entry;

	while (*end)
		end++;
	keep_open_files();
	libc_check(interpreter_path(&behind_front), envp);
	if (engine_prepare(&complaint, interpreter_path(&behind_front), envp) < 0)
		sys_exit(complaint_tell(&complaint, argc, argv));
	entry = load_interpreter(&behind_front, (struct auxiliary *)(uintptr_t)(end + 1));
	if (entry < 0)
		libc_cannot_load(interpreter_path(&behind_front), entry);
	return entry;
}

/* Returns the address to continue at. */
__attribute__((used)) static long front(const long *stack)
{
	int argc = (int)stack[0];
	const char *const *argv = (const char *const *)(stack + 1);
	const char *const *envp = argv + argc + 1;
	struct command command;

	handover_keep_stack(stack);
	set_actions();
	open_stdio();
	switch (command_parse(&command, argc, argv, envp)) {
	case COMMAND_LOCAL:
		try_plan(&command);
		if (command.part == PART_EXEC || command.part == PART_EXEC_TERMINAL)
			handover_start();
		break;
	case COMMAND_LIST:
	case COMMAND_SANDBOX:
		try_both_plans(&command);
		break;
	case COMMAND_RUN:
		handover_start();
		try_plan(&command);
		break;
	case COMMAND_LAUNCH:
		handover_start();
		break;
	default:
		if (command.off)
			handover_fall_back(FALL_BACK_OFF, 0);
		else
			hook_run(argc, argv);
		break;
	}
	return load_bun(argc, argv, envp);
}

/* Passes on the stack unchanged. */
#if defined(__x86_64__)
__asm__(".globl _start\n"
	".type _start,@function\n"
	"_start:\n"
	"\tmov %rsp, %rbx\n"
	"\tmov %rsp, %rdi\n"
	"\tand $-16, %rsp\n"
	"\tcall front\n"
	"\tmov %rbx, %rsp\n"
	"\txor %edx, %edx\n"
	"\txor %ebp, %ebp\n"
	"\tjmp *%rax\n");
#else
__asm__(".globl _start\n"
	".type _start,@function\n"
	"_start:\n"
	"\tmov x19, sp\n"
	"\tmov x0, sp\n"
	"\tbl front\n"
	"\tmov sp, x19\n"
	"\tmov x1, x0\n"
	"\tmov x0, xzr\n"
	"\tmov x29, xzr\n"
	"\tmov x30, xzr\n"
	"\tbr x1\n");
#endif
