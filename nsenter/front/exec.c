#include "exec.h"

#include "../message.h"
#include "../supervise.h"
#include "stage.h"
#include "template.h"

#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/signal.h>

#define CLOSE_RANGE_CLOEXEC 4U
#define PACKET_MAX 32768
#define PROC_READY 9 /* src/stage/messages.ts */
#define PROC_RUN 10

struct packet {
	struct message_header header;
	unsigned char payload[56];
};

/* A process on its way into the container. */
struct joining {
	int socket;
	long stage; /* the process that joins, and ends when it has cloned; 0 when it has been reaped */
	long pid;   /* of the one that will execute the words, or 0 */
};

static void reap(long pid)
{
	while (sys4(__NR_wait4, pid, 0, 0, 0) == -EINTR)
		;
}

static void abandon(const struct joining *joining)
{
	sys1(__NR_close, joining->socket);
	if (joining->pid > 0) {
		sys2(__NR_kill, joining->pid, SIGKILL);
		reap(joining->pid);
	}
	if (joining->stage > 0)
		reap(joining->stage);
}

static long start(struct joining *joining)
{
	struct stage stage;
	long image = stage_open();
	long pid;

	if (image < 0)
		return image;
	pid = stage_start(&stage, image, 0);
	sys1(__NR_close, image);
	joining->socket = stage.socket;
	joining->stage = pid;
	joining->pid = 0;
	return pid;
}

static long send_packet(int socket, const void *data, size_t size)
{
	long n;

	do {
		n = sys6(__NR_sendto, socket, (long)data, (long)size, MSG_NOSIGNAL, 0, 0);
	} while (n == -EINTR);
	return n == (long)size ? 0 : -EPIPE;
}

static long send_program(int socket, const unsigned char *data, size_t size)
{
	struct message_header header = {MESSAGE_VERSION, PROC_PROGRAM, (uint32_t)size};
	long result = send_packet(socket, &header, sizeof(header));

	while (result == 0 && size > 0) {
		size_t n = size < PACKET_MAX ? size : PACKET_MAX;

		result = send_packet(socket, data, n);
		data += n;
		size -= n;
	}
	return result;
}

/* Returns the type of the next message, 0 when the stage has closed its end, or -errno. */
static long receive(int socket, struct packet *packet)
{
	long n;

	do {
		n = sys6(__NR_recvfrom, socket, (long)packet, (long)sizeof(*packet), 0, 0, 0);
	} while (n == -EINTR);
	if (n <= 0)
		return n;
	return n >= (long)sizeof(packet->header) && packet->header.version == MESSAGE_VERSION
		   ? packet->header.type
		   : -EPROTO;
}

/* Until there is nothing left that can fail but execve. The messages with the pid and of readiness come in any order. */
static long await_ready(struct joining *joining)
{
	int ready = 0;

	while (!ready || joining->pid == 0) {
		struct packet packet;
		long type = receive(joining->socket, &packet);

		if (type == PROC_PID && packet.header.length == sizeof(int64_t)) {
			int64_t pid;

			copy(&pid, packet.payload, sizeof(pid));
			joining->pid = pid;
		} else if (type == PROC_READY) {
			ready = 1;
		} else {
			return -EPROTO;
		}
	}
	reap(joining->stage);
	joining->stage = 0;
	return 0;
}

/* Lets it execute. Signals are the process's matter from then on: they wait for the supervisor. */
static long let_run(const struct joining *joining)
{
	struct message_header run = {MESSAGE_VERSION, PROC_RUN, 0};
	struct packet packet;
	uint64_t all = ~0ULL;
	uint64_t before;
	long result;

	sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof(all));
	result = send_packet(joining->socket, &run, sizeof(run));
	if (result == 0)
		result = receive(joining->socket, &packet);
	if (result != 0)
		sys4(__NR_rt_sigprocmask, SIG_SETMASK, &before, 0, sizeof(before));
	return result;
}

void prepared_exec(struct machine *machine, const struct prepared *prepared, const struct command *command)
{
	struct supervise_request request;
	struct joining joining;
	size_t template_size;
	size_t size;
	unsigned char *template = prepared_program(prepared, PREPARED_EXEC, &template_size);
	const unsigned char *program;
	long pidfd = -1;

	if (!template || prepared_run(machine, prepared, PREPARED_EXEC_GUARD) < 0)
		return;
	program = template_fill(template, template_size, command, &size);
	/* Of the caller's descriptors none but stdio is for the container. */
	if (!program || sys3(__NR_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) < 0 || start(&joining) < 0)
		return;
	sys5(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (send_program(joining.socket, program, size) < 0 || await_ready(&joining) < 0 ||
	    (pidfd = sys2(__NR_pidfd_open, joining.pid, 0)) < 0 || let_run(&joining) != 0) {
		abandon(&joining);
		if (pidfd >= 0)
			sys1(__NR_close, pidfd);
		return;
	}
	sys1(__NR_close, joining.socket);
	zero(&request, sizeof(request));
	request.pid = (int32_t)joining.pid;
	request.pidfd = (int32_t)pidfd;
	request.terminal = request.host = request.notify = request.upstream = request.early = -1;
	prepared_close(prepared);
	supervise_process(machine, &request, 0);
}
