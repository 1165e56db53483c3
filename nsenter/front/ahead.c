#include "ahead.h"

#include "loader.h"

#include <linux/fcntl.h>

#define CLOSE_RANGE_CLOEXEC 4U

static struct stage stage = {.socket = -1};
static long image = -1;

void ahead_start(void)
{
	if (image >= 0)
		return;
	/* Of the caller's descriptors none but stdio is for the stage. */
	if (sys3(__NR_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return;
	image = stage_open();
	if (image < 0)
		return;
	if (stage_start(&stage, image, SPAWN_GO_ON) < 0)
		stage.socket = -1;
}

long ahead_take(int *socket)
{
	*socket = stage.socket;
	stage.socket = -1;
	return *socket < 0 ? -EAGAIN : stage.pid;
}

BRUN_EXPORT long brun_ahead(long question);
BRUN_EXPORT long brun_ahead(long question)
{
	switch (question) {
	case AHEAD_IMAGE:
		if (image < 0)
			image = stage_open();
		return image;
	case AHEAD_SOCKET:
		return stage.socket;
	case AHEAD_PID:
		return stage.pid;
	case AHEAD_BUILD:
		return (long)behind_front.build;
	default:
		return stage.request.error;
	}
}
