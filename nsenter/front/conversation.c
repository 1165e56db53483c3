#include "conversation.h"

#include "../stage/supervise.h"
#include "handover.h"
#include "terminal.h"

#include <linux/poll.h>
#include <linux/signal.h>

#define SHUTDOWN_WRITE 1 /* SHUT_WR of <sys/socket.h> */

struct packet {
	struct message_header header;
	unsigned char payload[56];
};

int reap(long pid)
{
	int32_t status = -1;

	while (sys4(__NR_wait4, pid, &status, 0, 0) == -EINTR)
		;
	return status;
}

long conversation_begin(struct conversation *talk, int signals)
{
	handover_start();
	talk->stage = handover_take(&talk->socket);
	talk->pid = 0;
	talk->pidfd = -1;
	talk->terminal = -1;
	talk->detached = 0;
	talk->supervise = talk->timeout = 0;
	keep_nothing(&talk->keep);
	talk->signals = signals;
	talk->failure.op = UINT32_MAX;
	return talk->stage < 0 ? talk->stage : 0;
}

static long send_packet(int socket, const void *data, size_t size)
{
	long n;

	do {
		n = sys6(__NR_sendto, socket, (long)data, (long)size, MSG_NOSIGNAL, 0, 0);
	} while (n == -EINTR);
	return n == (long)size ? 0 : -EPIPE;
}

long conversation_send(const struct conversation *talk, unsigned int type)
{
	struct message_header header = {MESSAGE_VERSION, (uint16_t)type, 0};

	return send_packet(talk->socket, &header, sizeof(header));
}

long conversation_send_program(const struct conversation *talk, const unsigned char *data, size_t size)
{
	struct message_header header = {MESSAGE_VERSION, PROC_PROGRAM, (uint32_t)size};
	long result = send_packet(talk->socket, &header, sizeof(header));

	while (result == 0 && size > 0) {
		size_t n = size < PACKET_MAX ? size : PACKET_MAX;

		result = send_packet(talk->socket, data, n);
		data += n;
		size -= n;
	}
	return result;
}

/* Waits for a message; with `block` 0 it only looks. Returns whether there is a signal instead. */
static int is_interrupted(const struct conversation *talk, int block)
{
	struct pollfd poll[2] = {{talk->signals, POLLIN, 0}, {block ? talk->socket : -1, POLLIN, 0}};
	uint64_t no_time[2] = {0, 0};

	if (talk->signals < 0)
		return 0;
	while (sys5(__NR_ppoll, poll, 2, block ? 0 : no_time, 0, 8) == -EINTR)
		;
	return poll[0].revents != 0 && poll[1].revents == 0;
}

static long receive(int socket, struct packet *packet, int *fd)
{
	long n;

	/*
	 * If the other end closes with unread data of brun, one call fails with ECONNRESET before the
	 * last messages can be read.
	 */
	do {
		n = receive_with_fd(socket, 0, packet, sizeof(*packet), fd);
	} while (n == -EINTR || n == -ECONNRESET);
	if (n <= 0)
		return n < 0 ? n : -EPIPE;
	return n >= (long)sizeof(packet->header) && packet->header.version == MESSAGE_VERSION
		   ? packet->header.type
		   : -EPROTO;
}

static long take_pid(struct conversation *talk, const struct packet *packet, int pidfd)
{
	int64_t pid;

	if (packet->header.length != sizeof(pid) || talk->pid != 0)
		return -EPROTO;
	copy(&pid, packet->payload, sizeof(pid));
	talk->pid = pid;
	talk->pidfd = pidfd;
	return pidfd < 0 ? -EPROTO : PROC_PID;
}

/* Handles an unexpected message, which may report a failure. Returns -errno. */
static long take_failure(struct conversation *talk, const struct packet *packet, long type)
{
	if (type != PROC_ERROR || packet->header.length < sizeof(talk->failure))
		return type < 0 ? type : -EPROTO;
	copy(&talk->failure, packet->payload, sizeof(talk->failure));
	return talk->failure.error > 0 ? -talk->failure.error : -EPROTO;
}

/*
 * Receives the next message and returns its type. Keeps the contents of PROC_PID and PROC_CONSOLE. Returns -errno
 * on failure: -EPIPE if the stage is gone, -EINTR if there is a signal.
 */
static long next(struct conversation *talk)
{
	struct packet packet;
	int fd;
	long type = is_interrupted(talk, 1) ? -EINTR : receive(talk->socket, &packet, &fd);

	if (type == -EINTR)
		return type;
	if (type == PROC_PID)
		return take_pid(talk, &packet, fd);
	if (type == PROC_CONSOLE && talk->terminal < 0) {
		talk->terminal = fd;
		return fd < 0 ? -EPROTO : type;
	}
	if (fd >= 0)
		sys1(__NR_close, fd);
	return type == PROC_ERROR ? take_failure(talk, &packet, type) : type;
}

long conversation_await_ready(struct conversation *talk, int maps, long (*go_on)(void *),
			      long (*hooks)(void *), void *context)
{
	int ready = 0;
	int stopped = 0;
	int waits = !maps;

	/* The message with the pid may come before or after the others. */
	while (!ready || talk->pid == 0) {
		long type = next(talk);

		if (type == PROC_READY)
			ready = 1;
		else if (type == PROC_MAP && maps)
			waits = 1;
		else if (type == PROC_CONSOLE && talk->detached)
			terminal_resize(talk->terminal);
		else if (type == PROC_HOOKS && hooks)
			stopped = 1;
		else if (type == PROC_CONSOLE && talk->keep.directory < 0)
			terminal_prepare(talk->terminal);
		else if (type != PROC_PID && type != PROC_CONSOLE)
			return type < 0 ? type : -EPROTO;
		if (waits && go_on && talk->pid != 0) {
			long result = go_on(context);

			if (result < 0)
				return result;
			go_on = 0;
		}
		if (stopped && hooks && !go_on) {
			long result = hooks(context);

			if (result < 0)
				return result;
			hooks = 0;
		}
	}
	return 0;
}

long conversation_run(struct conversation *talk)
{
	struct packet packet;
	uint64_t all = ~0ULL;
	uint64_t before;
	long result;
	int fd;

	/* The stage ends after it has cloned. */
	reap(talk->stage);
	talk->stage = 0;
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all));
	result = is_interrupted(talk, 0) ? -EINTR : conversation_send(talk, PROC_RUN);
	/* A failed receive does not tell whether the program runs, and it must not run twice. */
	if (result == 0) {
		long type = receive(talk->socket, &packet, &fd);

		result = type < 0 ? 0 : take_failure(talk, &packet, type);
	}
	if (result == 0) {
		sys1(__NR_close, talk->socket);
		talk->socket = -1;
	} else {
		sys4(__NR_rt_sigprocmask, SIG_SETMASK, &before, 0, sizeof(before));
	}
	return result;
}

/* Tells the other end that nothing comes any more. A process that has been cloned meanwhile has said so before it ends. */
static void hang_up(struct conversation *talk)
{
	struct packet packet;
	long type = 0;
	int fd;

	sys2(__NR_shutdown, talk->socket, SHUTDOWN_WRITE);
	while (talk->pid == 0 && type >= 0) {
		type = receive(talk->socket, &packet, &fd);
		if (type == PROC_PID)
			type = take_pid(talk, &packet, fd);
		else if (fd >= 0)
			sys1(__NR_close, fd);
	}
	sys1(__NR_close, talk->socket);
}

void conversation_abandon(struct conversation *talk)
{
	if (talk->socket >= 0)
		hang_up(talk);
	if (talk->pid > 0) {
		sys2(__NR_kill, talk->pid, SIGKILL);
		reap(talk->pid);
	}
	if (talk->pidfd >= 0)
		sys1(__NR_close, talk->pidfd);
	if (talk->terminal >= 0)
		sys1(__NR_close, talk->terminal);
	if (talk->stage > 0)
		reap(talk->stage);
}

static void close_others(const long *kept, size_t count)
{
	for (long from = 3; from < INT32_MAX;) {
		long next = INT32_MAX;

		for (size_t i = 0; i < count; i++)
			if (kept[i] >= from && kept[i] < next)
				next = kept[i];
		if (next > from)
			sys3(__NR_close_range, from, next - 1, 0);
		from = next == INT32_MAX ? next : next + 1;
	}
}

void conversation_supervise(const struct conversation *talk, struct machine *machine, long directory,
			    unsigned char *program, size_t size)
{
	const struct keep_request *keep = &talk->keep;
	const long kept[] = {talk->pidfd, talk->terminal, directory,       keep->out,   keep->err,
			     keep->input, keep->control,  keep->directory, keep->result};
	struct supervise_request request;

	close_others(kept, ARRAY_LENGTH(kept));
	zero(&request, sizeof(request));
	request.pid = (int32_t)talk->pid;
	request.pidfd = talk->pidfd;
	/* Kept output is not shown on a terminal: `attach` clients get it. */
	request.terminal = keep->directory < 0 ? talk->terminal : -1;
	request.host = request.terminal < 0 ? -1 : host_terminal();
	request.notify = request.upstream = request.early = request.client = -1;
	request.directory = (int32_t)directory;
	request.program = (uint32_t)size;
	request.flags = talk->supervise;
	request.timeout = talk->timeout;
	request.keep = *keep;
	supervise_process(machine, &request, program);
}
