#include "notify.h"

#include "message.h"

#define MESSAGE_MAX 4096
#define MSG_DONTWAIT 0x40

static size_t append(char *to, size_t at, const char *s)
{
	while (*s)
		to[at++] = *s++;
	return at;
}

static size_t append_number(char *to, size_t at, unsigned int n)
{
	char digits[10];
	unsigned int count = 0;

	do {
		digits[count++] = (char)('0' + n % 10);
		n /= 10;
	} while (n != 0);
	while (count > 0)
		to[at++] = digits[--count];
	return at;
}

static int starts_with(const char *line, size_t length, const char *prefix)
{
	size_t i = 0;

	while (prefix[i] && i < length && line[i] == prefix[i])
		i++;
	return prefix[i] == 0;
}

/*
 * Whether to forward a line. Only lines about the service as a whole are forwarded: MAINPID= from the container's
 * pid namespace would name another process outside, and FDSTORE= would keep descriptors that no service uses.
 */
static int wanted(const char *line, size_t length)
{
	static const char prefixes[][16] = {"READY=", "RELOADING=", "STOPPING=",  "STATUS=",
					    "ERRNO=", "WATCHDOG",   "MONOTONIC_", "EXTEND_TIMEOUT_"};

	for (unsigned int i = 0; i < ARRAY_LENGTH(prefixes); i++)
		if (starts_with(line, length, prefixes[i]))
			return 1;
	return 0;
}

/*
 * Forwards BARRIER=1. Its sender waits until the accompanying descriptor is closed everywhere, so that earlier
 * messages have been read outside, too (sd_notify_barrier(3)).
 */
static void forward_barrier(int upstream, int fd)
{
	static const char barrier[] = "BARRIER=1";
	struct iovec iov = {(void *)(uintptr_t)barrier, sizeof(barrier) - 1};

	if (upstream >= 0)
		send_with_fd(upstream, &iov, 1, fd);
}

void notify_forward(int socket, int upstream)
{
	char in[MESSAGE_MAX];
	char out[MESSAGE_MAX + 32];
	size_t used = 0;
	size_t start = 0;
	int ready = 0;
	int fd;
	long n;

	/* Analyzers do not know that recvmsg(2) writes to this. */
	zero(in, sizeof(in));
	n = receive_with_fd(socket, MSG_DONTWAIT, in, sizeof(in), &fd);
	if (fd >= 0) {
		if (n > 0 && starts_with(in, (size_t)n, "BARRIER=1"))
			forward_barrier(upstream, fd);
		sys1(__NR_close, fd);
	}
	if (n <= 0)
		return;
	for (size_t i = 0; i <= (size_t)n; i++) {
		size_t length = i - start;

		if (i < (size_t)n && in[i] != '\n')
			continue;
		if (wanted(in + start, length)) {
			ready |= starts_with(in + start, length, "READY=1");
			copy(out + used, in + start, length);
			used += length;
			out[used++] = '\n';
		}
		start = i + 1;
	}
	if (used == 0 || upstream < 0)
		return;
	if (ready) {
		used = append(out, used, "MAINPID=");
		used = append_number(out, used, (unsigned int)sys0(__NR_getpid));
		out[used++] = '\n';
	}
	sys6(__NR_sendto, upstream, (long)out, (long)used, MSG_NOSIGNAL, 0, 0);
}
