#include "relay.h"

void relay_prepare(const struct relay *relay, struct pollfd *poll)
{
	int full = relay->start < relay->end;

	poll->fd = full ? relay->to : relay->from;
	poll->events = full ? POLLOUT : POLLIN;
	poll->revents = 0;
}

int relay_step(struct relay *relay, const struct pollfd *poll)
{
	long n;

	if (poll->fd < 0 || poll->revents == 0)
		return relay->from >= 0 || relay->start < relay->end;
	if (relay->start < relay->end) {
		n = sys3(__NR_write, relay->to, relay->buffer + relay->start, relay->end - relay->start);
		if (n > 0)
			relay->start += (uint32_t)n;
		else if (n != -EAGAIN && n != -EINTR)
			relay->start = relay->end; /* the reader is gone: drop the data, and go on reading */
		return 1;
	}
	n = sys3(__NR_read, relay->from, relay->buffer, sizeof(relay->buffer));
	relay->start = 0;
	relay->end = n > 0 ? (uint32_t)n : 0;
	/* A pty master answers EIO when the last slave has been closed. */
	if (n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR))
		relay->from = -1;
	return relay->from >= 0 || relay->start < relay->end;
}
