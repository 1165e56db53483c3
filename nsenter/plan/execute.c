/* The interpreter: one loop over the operations of a program. */
#include "alive.h"
#include "copy.h"
#include "../stage/detached.h"
#include "fallback.h"
#include "../stage/init.h"
#include "../stage/message.h"
#include "output.h"
#include "passwd.h"
#include "program.h"
#include "resolve.h"
#include "search.h"
#include "../stage/spawn.h"
#include "target.h"
#include "../text.h"

#include <linux/mount.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/signal.h>

/* <linux/time_types.h> as the kernel reads it. */
struct timeout {
	int64_t seconds;
	int64_t nanoseconds;
};

static long poke(unsigned char *to, int64_t value, uint64_t width)
{
	unsigned char digits[20];
	uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	unsigned int n = 0;

	if (width == FD_WIDTH) {
		if (value < 0 || value > INT32_MAX)
			return -EBADF;
		for (unsigned int i = FD_WIDTH; i > 0; i--, rest /= 10)
			to[i - 1] = rest > 0 || i == FD_WIDTH ? (unsigned char)('0' + rest % 10) : '/';
		return 0;
	}
	if (width != 0) {
		copy(to, &value, width);
		return 0;
	}
	do {
		digits[n++] = (unsigned char)('0' + rest % 10);
		rest /= 10;
	} while (rest != 0);
	if (value < 0)
		*to++ = '-';
	while (n > 0)
		*to++ = digits[--n];
	*to = 0;
	return 0;
}

static long check(const unsigned char *at, uint64_t width, uint64_t mask, uint64_t expected, int64_t error)
{
	uint64_t value = 0;

	copy(&value, at, width);
	if ((value & mask) == expected)
		return 0;
	return error > 0 && error < 4096 ? -(long)error : -EINVAL;
}

/*
 * Clones into new namespaces, as a child of brun (CLONE_PARENT), which therefore gets its exit status. The parent
 * reports the pid as seen from brun's pid namespace, and ends. The child goes on with the program.
 */
static long clone_stage(const struct machine *machine, uint64_t flags, int64_t cgroup)
{
	struct clone_args args;
	int32_t pidfd = -1;
	int64_t report;
	long pid;

	zero(&args, sizeof(args));
	args.flags = flags | CLONE_PARENT | CLONE_PIDFD;
	args.pidfd = (uint64_t)(uintptr_t)&pidfd;
	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	pid = sys2(__NR_clone3, &args, sizeof(args));
	if ((pid == -ENOSYS || pid == -EPERM) && cgroup < 0)
		/*
		 * For kernels before 5.3, and seccomp filters that do not know clone3.
		 * Otherwise clone is refused, too.
		 */
		pid = sys5(__NR_clone, args.flags | SIGCHLD, 0, &pidfd, 0, 0);
	if (pid == 0 && (flags & CLONE_NEWNS))
		detached_own_mounts();
	if (pid <= 0)
		return pid;
	report = pid;
	if (message_send(machine->sync, PROC_PID, &report, sizeof(report), pidfd) < 0)
		sys2(__NR_kill, pid, SIGKILL);
	sys_exit(0);
}

/* Runs a hook and waits for it. Returns its wait status, or -errno. */
static long run_hook(struct spawn_request *request, int64_t input, int64_t timeout_ms)
{
	struct timeout timeout = {timeout_ms / 1000, (timeout_ms % 1000) * 1000000};
	struct pollfd poll;
	int32_t status = 0;
	long pid;
	long n = 1;

	if (input >= 0)
		request->stdio[0] = (int32_t)input;
	pid = spawn(request);
	if (pid < 0)
		return pid;
	if (timeout_ms >= 0 && request->pidfd >= 0) {
		poll.fd = request->pidfd;
		poll.events = POLLIN;
		/* The kernel updates the remaining time, so an interruption does not prolong the wait. */
		do {
			n = sys5(__NR_ppoll, &poll, 1, &timeout, 0, 8);
		} while (n == -EINTR);
		if (n == 0)
			sys2(__NR_kill, -pid, SIGKILL);
	}
	while (sys4(__NR_wait4, pid, &status, 0, 0) == -EINTR)
		;
	if (request->pidfd >= 0)
		sys1(__NR_close, request->pidfd);
	return n == 0 ? -ETIMEDOUT : status;
}

static long send_and_wait(struct machine *machine, const uint64_t *args, int64_t *value)
{
	long result = 0;

	if (args[0] != 0)
		result = message_send(machine->sync, (unsigned int)args[0], 0, 0, (int)args[1]);
	if (result < 0)
		return result;
	if (args[2] == 0)
		return 0;
	result = message_await(machine->sync, (unsigned int)args[2], value);
	/* brun is gone, so a failure cannot be reported. */
	if (result == -EPIPE)
		sys_exit(1);
	/* Later failures go to this descriptor. */
	if (result >= 0 && args[3] != 0)
		machine->sync = (int)args[3];
	return result;
}

/*
 * Makes the same call for every bit of a mask, to drop or raise capabilities one by one. It ends at the first bit that
 * the kernel does not know.
 */
static long each_bit(const struct op *op, const uint64_t *args)
{
	uint64_t call[ARRAY_LENGTH(op->args)];
	uint64_t bits = args[1] & BITS_INVERTED ? ~args[0] : args[0];
	long result = 0;

	copy(call, args, sizeof(call));
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (((bits >> bit) & 1U) == 0)
			continue;
		call[args[1] & ~(uint64_t)BITS_INVERTED] = bit;
		result = sys4(op->nr, call[2], call[3], call[4], call[5]);
		if (result < 0)
			return result == -EINVAL ? 0 : result;
	}
	return 0;
}

static unsigned int type_of(const struct op *op, unsigned int arg)
{
	return (op->types >> (2 * arg)) & 3U;
}

/*
 * Whether an argument is a string. With `blob` it may be one that the program makes, which is always
 * followed by strings with NULs.
 */
static int is_text(const struct op *op, unsigned int arg, int blob)
{
	return type_of(op, arg) == ARG_STRING || (blob && type_of(op, arg) == ARG_BLOB);
}

/*
 * Whether the arguments of a call point to memory that this code may read, as the kernel would. That is true for
 * everything that brun compiles.
 */
static int is_readable(const struct program *program, const struct op *op)
{
	switch (op->nr) {
	case __NR_openat2:
		return is_text(op, 1, 0) && type_of(op, 2) == ARG_BLOB && op->args[2] % 8 == 0 &&
		       op->args[3] == sizeof(struct open_how) &&
		       program->strings >= sizeof(struct open_how) &&
		       op->args[2] <= program->strings - sizeof(struct open_how);
	case __NR_open_tree:
		return is_text(op, 1, 0);
	case __NR_move_mount:
		return is_text(op, 1, 0) && is_text(op, 3, 0);
	case __NR_fsopen:
		return is_text(op, 0, 0);
	case __NR_fsconfig:
		return op->args[1] == FSCONFIG_CMD_CREATE ||
		       (is_text(op, 2, 0) && (op->args[1] == FSCONFIG_SET_FLAG || is_text(op, 3, 1)));
	case __NR_fsmount:
		return 1;
	default:
		return 0;
	}
}

static long call(const struct program *program, const struct op *op, const uint64_t *args)
{
	unsigned int tries = 0;
	long result;

	if (is_readable(program, op)) {
		if (op->nr == __NR_openat2)
			return resolve_path((int)args[0], (const char *)(uintptr_t)args[1],
					    (const struct open_how *)(uintptr_t)args[2]);
		if (detached_replaces())
			return detached_call(op->nr, args);
	}
	do {
		result = sys6(op->nr, (long)args[0], (long)args[1], (long)args[2], (long)args[3],
			      (long)args[4], (long)args[5]);
	} while (sys_again(op->nr, result, &tries));
	return result;
}

static long execute(struct machine *machine, const struct program *program, const struct op *op,
		    const uint64_t *args, struct failure *failure)
{
	int64_t value = 0;
	long result;

	switch (op->kind) {
	case OP_SYSCALL:
		return call(program, op, args);
	case OP_SEND:
		result = send_and_wait(machine, args, &value);
		return result < 0 ? result : (long)value;
	case OP_CLONE:
		return clone_stage(machine, args[0], (int64_t)args[1]);
	case OP_CHECK:
		return check((const unsigned char *)(uintptr_t)args[0], args[1], args[2], args[3],
			     (int64_t)args[4]);
	case OP_POKE:
		return poke((unsigned char *)(uintptr_t)args[0], (int64_t)args[1], args[2]);
	case OP_SPAWN:
		result = run_hook((struct spawn_request *)(uintptr_t)args[0], (int64_t)args[1],
				  (int64_t)args[2]);
		if (result <= 0)
			return result;
		failure->detail = result;
		machine->said = ((struct spawn_request *)(uintptr_t)args[0])->stdio[2];
		return -ECHILD;
	case OP_BITS:
		return each_bit(op, args);
	case OP_TARGET:
		return open_target((int)args[0], (char *)(uintptr_t)args[1], args[2], args[3]);
	case OP_COPY:
		if (args[2] == COPY_FILE)
			return copy_file((int)args[0], (int)args[1], (const char *)(uintptr_t)args[3]);
		return copy_directory((int)args[0], (int)args[1], args[2] != 0);
	case OP_CLOEXEC:
		return mark_close_on_exec((int)args[0], (int)args[1]);
	case OP_REMOUNT:
		return remount((int)args[0], (const char *)(uintptr_t)args[1], args[2], args[3]);
	case OP_ALIVE:
		return process_alive(args[0], args[1]);
	case OP_FIND:
		return find_executable((const char *)(uintptr_t)args[0], (const char *)(uintptr_t)args[1]);
	case OP_EXECUTE:
		return execute_file((const char *)(uintptr_t)args[0], (const char *)(uintptr_t)args[1],
				    (const void *)(uintptr_t)args[2], (const void *)(uintptr_t)args[3]);
	case OP_MODE:
		return write_mode((unsigned char *)(uintptr_t)args[0], (int)args[1]);
	case OP_HOME:
		return write_home((char *)(uintptr_t)args[0], args[1], (const char *)(uintptr_t)args[2]);
	case OP_INIT:
		return become_init();
	case OP_WRITE:
		return output_write((int)args[0], (const unsigned char *)(uintptr_t)args[1],
				    args[2] == WHOLE_TEXT ? text_length((const char *)(uintptr_t)args[1])
							  : args[2]);
	default:
		return -ENOSYS;
	}
}

static int handled(const struct op *op, long error)
{
	for (unsigned int i = 0; i < ARRAY_LENGTH(op->handled); i++)
		if (op->handled[i] == ANY_ERRNO || op->handled[i] == error)
			return 1;
	return 0;
}

void machine_know(struct machine *machine, uint32_t count)
{
	for (; machine->known < count; machine->known++)
		machine->slots[machine->known] = -1;
}

void machine_clear(struct machine *machine)
{
	machine->sync = machine->said = -1;
	machine->known = 0;
	machine_know(machine, SLOTS_CLEARED);
}

int program_run(struct machine *machine, const struct program *program, struct failure *failure)
{
	uint32_t at = 0;

	machine_know(machine, (uint32_t)program->last_slot + 1);
	while (at < program->op_count) {
		const struct op *op = &program->ops[at];
		uint64_t args[ARRAY_LENGTH(op->args)];
		long result;

		for (unsigned int i = 0; i < ARRAY_LENGTH(args); i++) {
			unsigned int type = (op->types >> (2 * i)) & 3U;

			args[i] = op->args[i];
			if (type == ARG_BLOB)
				args[i] = (uint64_t)(uintptr_t)(program->blob + op->args[i]);
			else if (type == ARG_STRING)
				args[i] = (uint64_t)(uintptr_t)(program->blob + program->strings +
								op->args[i]);
			else if (type == ARG_SLOT)
				args[i] = (uint64_t)machine->slots[op->args[i]];
		}
		failure->detail = 0;
		result = execute(machine, program, op, args, failure);
		/* Some calls return values above -4096 that are no errors, but programs do not use these. */
		if (result < 0 && result > -4096) {
			if (!handled(op, -result)) {
				failure->op = at;
				failure->error = (int32_t)-result;
				return -1;
			}
			at = op->on_handled;
			continue;
		}
		for (unsigned int i = 0; i < ARRAY_LENGTH(op->closes); i++)
			if (op->closes[i] != NO_SLOT)
				sys1(__NR_close, machine->slots[op->closes[i]]);
		if (op->out != NO_SLOT)
			machine->slots[op->out] = result;
		at = op->on_success;
	}
	return 0;
}
