/* Sync messages between brun and the stage, over a SOCK_SEQPACKET socketpair. */
#ifndef BRUN_MESSAGE_H
#define BRUN_MESSAGE_H

#include "../sys.h"

#include <linux/uio.h>

/* msghdr, and a control message for one descriptor, for sendmsg(2) and recvmsg(2). */
struct user_msghdr {
	void *name;
	int name_length;
	int pad0;
	struct iovec *iov;
	size_t iov_length;
	void *control;
	size_t control_length;
	unsigned int flags;
	int pad1;
};

struct fd_control {
	size_t length;
	int level;
	int type;
	int fd;
	int pad;
};

#define FD_CONTROL_LENGTH 20 /* CMSG_LEN(sizeof(int)) */
#define MSG_NOSIGNAL 0x4000
#define SOL_SOCKET 1
#define SCM_RIGHTS 1

/* Sends a message with at most 24 bytes of payload and a file descriptor (-1 for none). 0 or -errno. */
long message_send(int sync, unsigned int type, const void *payload, size_t length, int fd);

/* Sends bytes (in at most two pieces) and a file descriptor (-1 for none). Returns the result of sendmsg(2). */
long send_with_fd(int socket, struct iovec *iov, size_t pieces, int fd);

/*
 * Receives a datagram with at most one descriptor (close-on-exec; -1 for none). Further ones are closed. Returns
 * the result of recvmsg(2).
 */
long receive_with_fd(int socket, int flags, void *buffer, size_t size, int *fd);

/* Waits for a message of this type, without payload or with 8 bytes, which go to *value. 0 or -errno. */
long message_await(int sync, unsigned int type, int64_t *value);

/* Receives a program into new memory. Returns its size, 0 if the peer has closed the socket, or -errno. */
long message_receive_program(int sync, unsigned char **data);

#endif
