/* Unix sockets at a path. */
#ifndef BRUN_FRONT_UNIX_SOCKET_H
#define BRUN_FRONT_UNIX_SOCKET_H

#include "../sys.h"

#include <linux/fcntl.h>

#define AF_UNIX 1
#define SOCK_STREAM 1
#define SOCK_SEQPACKET 5
#define SOCK_CLOEXEC O_CLOEXEC
#define SOCKET_PATH_SIZE 108

struct socket_address {
	uint16_t family;
	char path[SOCKET_PATH_SIZE]; /* with a NUL */
};

/* Connects to a socket, and returns the descriptor. -ENOENT or -ECONNREFUSED: nobody listens. */
BRUN_INLINE long socket_connect(const struct socket_address *address, int type)
{
	long fd = sys3(__NR_socket, AF_UNIX, type | SOCK_CLOEXEC, 0);
	long result = fd < 0 ? fd : sys3(__NR_connect, fd, address, sizeof(*address));

	if (fd >= 0 && result < 0)
		sys1(__NR_close, fd);
	return result < 0 ? result : fd;
}

#endif
