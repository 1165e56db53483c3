#include "hook.h"

#include "conversation.h"
#include "handover.h"
#include "unix-socket.h"

#include "../stage/spawn.h"
#include "../text.h"

#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/signal.h>
#include <linux/time_types.h>

#define SOL_SOCKET 1
#define SO_PEERCRED 17
/* sandbox-hook OPERATION relay DIRECTORY ID [OPTIONS] */
#define WORDS 6
/* How long a relay may take to write its last lines: END_MS of src/net/control.ts. */
#define END_SECONDS 2

struct credentials {
	int32_t pid;
	uint32_t uid;
	uint32_t gid;
};

/* The relay prints a line to the pipe when it is ready. If it fails, it prints an error to stderr. */
static void start(const char *const *argv)
{
	/* The interpreter is enough for what a relay runs, and takes less memory. */
	static const char *const environment[] = {"BUN_JSC_useJIT=0", 0};
	const char *words[WORDS + 2] = {argv[0], argv[1], "relay"};
	struct spawn_request request;
	char line[8];
	int pair[2];
	long pid;
	long n;

	for (int i = 3; i <= WORDS; i++)
		words[i] = argv[i];
	if (sys2(__NR_pipe2, pair, O_CLOEXEC) < 0)
		return;
	zero(&request, sizeof(request));
	request.path = (uint64_t)(uintptr_t)argv[0];
	request.argv = (uint64_t)(uintptr_t)words;
	request.envp = (uint64_t)(uintptr_t)environment;
	request.stdio[0] = request.stdio[2] = request.keep_fd = request.exec_fd = -1;
	request.stdio[1] = pair[1];
	pid = spawn(&request);
	sys1(__NR_close, pair[1]);
	if (pid < 0) {
		sys1(__NR_close, pair[0]);
		return;
	}
	do {
		n = sys3(__NR_read, pair[0], line, sizeof(line));
	} while (n == -EINTR);
	if (n <= 0)
		reap(pid);
	sys_exit(n > 0 ? 0 : 1);
}

/* Waits for the process that listens at the other end, and kills it if it does not end by itself. */
static void await_peer(long socket)
{
	struct __kernel_timespec patience = {END_SECONDS, 0};
	struct credentials peer = {0, 0, 0};
	uint32_t size = sizeof(peer);
	struct pollfd waits = {-1, POLLIN, 0};
	long pidfd = sys5(__NR_getsockopt, socket, SOL_SOCKET, SO_PEERCRED, &peer, &size);

	if (pidfd == 0)
		pidfd = sys2(__NR_pidfd_open, peer.pid, 0);
	sys1(__NR_close, socket);
	if (pidfd < 0)
		return;
	waits.fd = (int)pidfd;
	if (sys5(__NR_ppoll, &waits, 1, &patience, 0, 0) == 0)
		sys4(__NR_pidfd_send_signal, pidfd, SIGKILL, 0, 0);
}

static void await_end(const char *directory, const char *id)
{
	static const char ending[] = ".relay";
	static struct socket_address address = {AF_UNIX, {0}};
	size_t lengths[] = {text_length(directory), text_length(id), sizeof(ending)};
	long socket;

	if (lengths[0] + 1 + lengths[1] + lengths[2] > SOCKET_PATH_SIZE)
		return;
	copy(address.path, directory, lengths[0]);
	address.path[lengths[0]] = '/';
	copy(address.path + lengths[0] + 1, id, lengths[1]);
	copy(address.path + lengths[0] + 1 + lengths[1], ending, lengths[2]);
	socket = socket_connect(&address, SOCK_SEQPACKET);
	if (socket >= 0)
		await_peer(socket);
	else if (socket != -ENOENT && socket != -ECONNREFUSED)
		return;
	sys3(__NR_unlinkat, AT_FDCWD, address.path, 0);
	sys_exit(0);
}

void hook_run(int argc, const char *const *argv)
{
	if (argc < WORDS || !text_equal(argv[1], "sandbox-hook") || !text_equal(argv[3], "relay"))
		return;
	if (argc == WORDS + 1 && text_equal(argv[2], "connect"))
		start(argv);
	else if (argc == WORDS && text_equal(argv[2], "disconnect"))
		await_end(argv[4], argv[5]);
	else if (text_equal(argv[2], "relay"))
		handover_start();
}
