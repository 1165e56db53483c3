#include "handover.h"

#include "conversation.h"
#include "loader.h"

#include "../text.h"

#include <linux/fcntl.h>

#define CLOSE_RANGE_CLOEXEC 4U

static struct stage stage = {.socket = -1};
static long image = -1;
static int started;
static const long *stack;
static int console_sent;

static struct fallen fallen = {FALL_BACK_COMMAND_LINE, 0, -1, -1};

/* The failure of a plan that must not run again. */
static struct {
	long op; /* -1 for none */
	long error;
	long kept;
	long directory;
} left = {-1, 0, -1, -1};

void handover_start(void)
{
	if (started)
		return;
	/* The stage gets none of the caller's descriptors besides stdio. */
	if (sys3(__NR_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return;
	if (image < 0)
		image = stage_open();
	if (image < 0)
		return;
	started = 1;
	if (stage_start(&stage, image, SPAWN_GO_ON) < 0)
		stage.socket = -1;
}

int handover_has_started(void)
{
	return started;
}

void handover_end(void)
{
	if (stage.socket >= 0) {
		sys1(__NR_close, stage.socket);
		reap(stage.pid);
		stage.socket = -1;
	}
	started = 0;
}

long handover_take(int *socket)
{
	*socket = stage.socket;
	stage.socket = -1;
	return *socket < 0 ? -EAGAIN : stage.pid;
}

void handover_keep_stack(const long *made)
{
	stack = made;
}

const struct fallen *handover_fallen(void)
{
	return &fallen;
}

void handover_set_fallen(const struct fallen *said)
{
	fallen = *said;
}

void handover_fall_back(enum fall_back reason, long result)
{
	fallen.reason = reason;
	fallen.error = -result;
}

void handover_failed_at(enum plan_part part, const struct failure *failure)
{
	if (failure->op == UINT32_MAX)
		return;
	fallen.part = part;
	fallen.op = failure->op;
}

void handover_leave(const struct failure *failure, int64_t kept, long directory)
{
	left.op = failure->op;
	left.error = failure->error;
	left.kept = kept;
	left.directory = directory;
}

void handover_console_sent(void)
{
	console_sent = 1;
}

int handover_has_left(void)
{
	return left.op >= 0;
}

/* The size of argv and envp: the kernel puts their strings one after the other (fs/exec.c). */
static long strings_size(void)
{
	const long *last = stack + 1 + stack[0]; /* the 0 after argv */

	if (stack[0] == 0)
		return 0;
	while (last[1] != 0)
		last++;
	if (*last == 0)
		last--;
	return *last - stack[1] + (long)text_length((const char *)*last) + 1;
}

BRUN_EXPORT long brun_ask(long question);
BRUN_EXPORT long brun_ask(long question)
{
	switch (question) {
	case FACT_IMAGE:
		if (image < 0)
			image = stage_open();
		return image;
	case FACT_SOCKET:
		return stage.socket;
	case FACT_PID:
		return stage.pid;
	case FACT_BUILD:
		return (long)behind_front.build;
	case FACT_STRINGS:
		return stack[1];
	case FACT_SIZE:
		return strings_size();
	case FACT_WORDS:
		return stack[0];
	case FACT_OPEN_FILES:
		return (long)spawn_open_files;
	case FACT_FALL_BACK:
		return fallen.reason;
	case FACT_FALL_BACK_ERRNO:
		return fallen.error;
	case FACT_FALL_BACK_PART:
		return fallen.part;
	case FACT_FALL_BACK_OP:
		return fallen.op;
	case FACT_CONSOLE_SENT:
		return console_sent;
	case FACT_LEFT_OP:
		return left.op;
	case FACT_LEFT_ERRNO:
		return left.error;
	case FACT_LEFT_KEPT:
		return left.kept;
	case FACT_LEFT_DIRECTORY:
		return left.directory;
	default:
		return stage.request.error;
	}
}
