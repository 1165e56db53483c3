#include "background.h"

#include "complaint.h"
#include "conversation.h"
#include "handover.h"
#include "sandbox.h"

#include "../stage/keep.h"

#include <linux/fcntl.h>
#include <linux/signal.h>

/* The message to the caller. */
struct told {
	struct fallen fallen;
	uint64_t length; /* of the id with its newline; 0 if no program runs, and Bun has to do the command */
	char id[ID_MAX + 2];
};

/* The state of the process in the background. */
static struct {
	long caller; /* pipe to the process that waits; -1 in the foreground */
	long error;  /* the caller's stderr */
	int out;
	int err;
	int input;
} self = {-1, 2, -1, -1, -1};

static long replace(long fd, int stream)
{
	return sys3(__NR_dup3, fd, stream, 0);
}

/* Puts one end of a new pipe at a stream. Returns the other end or -errno. */
static long pipe_at(int stream)
{
	int pair[2];
	long result = sys2(__NR_pipe2, pair, O_CLOEXEC);
	int theirs = stream == 0 ? 0 : 1;

	if (result < 0)
		return result;
	result = replace(pair[theirs], stream);
	sys1(__NR_close, pair[theirs]);
	return result < 0 ? result : pair[1 - theirs];
}

/* Opens /dev/null at all three streams. */
static long put_null(void)
{
	long null = sys4(__NR_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
	long result = null;

	for (int stream = 0; stream < 3 && result >= 0; stream++)
		result = replace(null, stream);
	if (null >= 0)
		sys1(__NR_close, null);
	return result;
}

/* Like Redirection of src/container/io/kept-streams.ts. */
static long make_streams(uint32_t flags)
{
	long result;

	self.error = sys3(__NR_fcntl, 2, F_DUPFD_CLOEXEC, 3);
	result = self.error < 0 ? self.error : put_null();
	if (result >= 0 && (flags & MANNER_TERMINAL) == 0)
		result = self.out = (int)pipe_at(1);
	if (result >= 0 && (flags & MANNER_TERMINAL) == 0)
		result = self.err = (int)pipe_at(2);
	if (result >= 0 && (flags & (MANNER_TERMINAL | MANNER_INTERACTIVE)) == MANNER_INTERACTIVE)
		result = self.input = (int)pipe_at(0);
	return result;
}

static long tell(const char *id, size_t length)
{
	struct told told;

	zero(&told, sizeof(told));
	told.fallen = *handover_fallen();
	told.length = length + (length > 0);
	copy(told.id, id, length);
	told.id[length] = '\n';
	/* One write, which is not split since it is less than PIPE_BUF. */
	return sys3(__NR_write, self.caller, &told, sizeof(told)) == (long)sizeof(told) ? 0 : -EPIPE;
}

long background_tell(const char *id)
{
	if (self.caller < 0)
		return 0;
	/* Releases the caller's streams, so that their readers do not wait for the container. */
	put_null();
	sys1(__NR_close, self.error);
	self.error = 2;
	return tell(id, text_length(id));
}

long background_stderr(void)
{
	return self.error;
}

void background_streams(struct keep_request *keep)
{
	keep->out = self.out;
	keep->err = self.err;
	keep->input = self.input;
}

/* Prints the id and ends. */
__attribute__((noreturn)) static void print(const struct told *told, const struct command *command)
{
	static struct complaint complaint;
	long result = file_write_all(1, told->id, told->length);

	if (result == 0)
		sys_exit(0);
	complain(&complaint, "the container runs, but its id cannot be written to stdout: errno ");
	complain_number(&complaint, (uint64_t)-result);
	sys_exit(complaint_tell(&complaint, command->argc, command->argv));
}

/*
 * Ends as the process in the background, which was killed, did. Its program may have started, so it must not be
 * started again.
 */
__attribute__((noreturn)) static void end_like(int32_t status, const struct command *command)
{
	static struct complaint complaint;
	int sig = status & 0x7f;

	complain(&complaint, "the process in the background was ended by signal ");
	complain_number(&complaint, (uint64_t)sig);
	complaint_tell(&complaint, command->argc, command->argv);
	sys_exit(128 + sig);
}

static void await(long pid, long pipe, const struct command *command)
{
	struct told told;
	int32_t status;
	long n;

	do {
		n = sys3(__NR_read, pipe, &told, sizeof(told));
	} while (n == -EINTR);
	if (n == (long)sizeof(told) && told.length > 0 && told.length <= sizeof(told.id))
		print(&told, command);
	status = reap(pid);
	if (n != (long)sizeof(told))
		end_like(status, command);
	handover_set_fallen(&told.fallen);
}

void background_run(const struct plan_file *plan, const struct command *command,
		    void (*follow)(const struct plan_file *plan, const struct command *command))
{
	int pair[2];
	long result = sys2(__NR_pipe2, pair, O_CLOEXEC);
	long pid;

	if (result < 0) {
		handover_fall_back(FALL_BACK_FAILED, result);
		return;
	}
	pid = sys5(__NR_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid != 0) {
		sys1(__NR_close, pair[1]);
		if (pid > 0)
			await(pid, pair[0], command);
		else
			handover_fall_back(FALL_BACK_FAILED, pid);
		sys1(__NR_close, pair[0]);
		return;
	}
	sys1(__NR_close, pair[0]);
	self.caller = pair[1];
	sys0(__NR_setsid);
	result = make_streams(sandbox_manner(plan).flags);
	if (result < 0)
		handover_fall_back(FALL_BACK_FAILED, result);
	else
		follow(plan, command);
	tell("", 0);
	sys_exit(1);
}
