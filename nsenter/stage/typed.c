/*
 * Ctrl-Z goes to the terminal inside, and stops its foreground processes, if they allow it. These may be the
 * init's child, but the init cannot report that: it has no descriptors, and no process outside has a pid for it.
 * So the supervisor checks for a moment after each key, because vi stops itself by ":stop", too. A shell inside
 * goes on when its job has stopped.
 *
 * A terminal has no end of file, but a character for it, and each read takes one. So the supervisor writes further
 * ones, for processes that read after the first one. A process that does not read finds a few more.
 */
#include "typed.h"

#include "../plan/alive.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <linux/time.h>

#define FIRST_LOOK_MS 50
#define LOOKS 4
#define FIRST_END_MS 100
#define LONGEST_MS 60000
#define PARENT_FIELD 1 /* field 4 of proc_pid_stat(5), counted from field 3 */
#define NEVER INT64_MAX

static int master = -1;
static int parent;
static int64_t look_at = NEVER;
static int64_t look_pause;
static int64_t end_at = NEVER;
static int64_t end_pause;
static int line_open;

static int64_t now(void)
{
	struct timespec64 time = {0, 0};

	sys2(__NR_clock_gettime, CLOCK_MONOTONIC, &time);
	return time.seconds * 1000 + time.nanoseconds / 1000000;
}

void typed_begin(int terminal, int process)
{
	master = terminal;
	parent = process;
}

void typed_note(void)
{
	if (master < 0)
		return;
	look_pause = FIRST_LOOK_MS;
	look_at = now() + look_pause;
}

void typed_end(int unfinished)
{
	if (master < 0)
		return;
	line_open = unfinished;
	end_pause = FIRST_END_MS;
	end_at = now();
}

struct timespec64 *typed_timeout(struct timespec64 *timeout)
{
	int64_t next = look_at < end_at ? look_at : end_at;
	int64_t left;

	if (next == NEVER)
		return 0;
	left = next - now();
	if (left < 0)
		left = 0;
	timeout->seconds = left / 1000;
	timeout->nanoseconds = left % 1000 * 1000000;
	return timeout;
}

static void put_end(struct relay *input)
{
	struct termios mode;
	unsigned char end = 4; /* Ctrl-D */

	if (sys3(__NR_ioctl, master, TCGETS, &mode) == 0 && mode.c_cc[VEOF] != 0)
		end = mode.c_cc[VEOF];
	input->start = 0;
	input->buffer[0] = input->buffer[1] = end;
	/* In an incomplete line the first character only ends the line. */
	input->end = line_open ? 2 : 1;
	line_open = 0;
}

/* Whether the foreground group has stopped and is the init's child, so that no shell continues it. */
static int has_stopped(void)
{
	int32_t group = 0;
	uint64_t its_parent = 0;
	char state = 0;
	long result;

	if (sys3(__NR_ioctl, master, TIOCGPGRP, &group) < 0 || group <= 0)
		return 0;
	result = process_stat((uint64_t)group, PARENT_FIELD, &its_parent, &state);
	return result == 0 && state == 'T' && its_parent == (uint64_t)parent;
}

int typed_look(struct relay *input)
{
	int64_t time;

	if (look_at == NEVER && end_at == NEVER)
		return 0;
	time = now();
	if (time >= end_at && input->start >= input->end) {
		put_end(input);
		end_at = time + end_pause;
		end_pause = end_pause < LONGEST_MS ? 2 * end_pause : LONGEST_MS;
	}
	if (time < look_at)
		return 0;
	look_pause *= 2;
	look_at = look_pause < FIRST_LOOK_MS << LOOKS ? time + look_pause : NEVER;
	if (!has_stopped())
		return 0;
	look_at = NEVER;
	return 1;
}
