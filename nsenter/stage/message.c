#include "message.h"

#include "../plan/program.h"

#define PAYLOAD_MAX 24
#define MSG_CMSG_CLOEXEC 0x40000000

long send_with_fd(int socket, struct iovec *iov, size_t pieces, int fd)
{
	struct fd_control control;
	struct user_msghdr message;
	long result;

	zero(&message, sizeof(message));
	message.iov = iov;
	message.iov_length = pieces;
	if (fd >= 0) {
		zero(&control, sizeof(control));
		control.length = FD_CONTROL_LENGTH;
		control.level = SOL_SOCKET;
		control.type = SCM_RIGHTS;
		control.fd = fd;
		message.control = &control;
		message.control_length = sizeof(control);
	}
	do {
		result = sys3(__NR_sendmsg, socket, &message, MSG_NOSIGNAL);
	} while (result == -EINTR);
	return result;
}

long receive_with_fd(int socket, int flags, void *buffer, size_t size, int *fd)
{
	struct iovec iov = {buffer, size};
	struct fd_control control;
	struct user_msghdr message;
	long n;

	zero(&control, sizeof(control));
	zero(&message, sizeof(message));
	message.iov = &iov;
	message.iov_length = 1;
	message.control = &control;
	message.control_length = FD_CONTROL_LENGTH;
	n = sys3(__NR_recvmsg, socket, &message, flags | MSG_CMSG_CLOEXEC);
	*fd = n >= 0 && control.length == FD_CONTROL_LENGTH && control.type == SCM_RIGHTS ? control.fd : -1;
	return n;
}

long message_send(int sync, unsigned int type, const void *payload, size_t length, int fd)
{
	struct message_header header = {MESSAGE_VERSION, (uint16_t)type, (uint32_t)length};
	struct iovec iov[2];
	long result;

	if (length > PAYLOAD_MAX)
		return -EMSGSIZE;
	iov[0].iov_base = &header;
	iov[0].iov_len = sizeof(header);
	iov[1].iov_base = (void *)(uintptr_t)payload;
	iov[1].iov_len = length;
	result = send_with_fd(sync, iov, length > 0 ? 2 : 1, fd);
	/* The FIFO of a container that is being started. */
	if (result == -ENOTSOCK)
		result = sys3(__NR_writev, sync, iov, length > 0 ? 2 : 1);
	return result < 0 ? result : 0;
}

static long receive(int sync, void *buffer, size_t size)
{
	long result;

	do {
		result = sys6(__NR_recvfrom, sync, (long)buffer, (long)size, 0, 0, 0);
	} while (result == -EINTR);
	return result;
}

long message_await(int sync, unsigned int type, int64_t *value)
{
	struct {
		struct message_header header;
		int64_t value;
	} packet = {{0, 0, 0}, 0};
	long n = receive(sync, &packet, sizeof(packet));

	if (n < 0)
		return n;
	if (n == 0)
		return -EPIPE;
	if (n < (long)sizeof(packet.header) || packet.header.version != MESSAGE_VERSION ||
	    packet.header.type != type)
		return -EPROTO;
	if ((size_t)n != sizeof(packet.header) + packet.header.length)
		return -EPROTO;
	*value = packet.header.length == sizeof(packet.value) ? packet.value : 0;
	return 0;
}

long message_receive_program(int sync, unsigned char **data)
{
	struct message_header header = {0, 0, 0};
	long n = receive(sync, &header, sizeof(header));
	long memory;
	size_t have = 0;

	if (n <= 0)
		return n;
	if (n != (long)sizeof(header) || header.version != MESSAGE_VERSION || header.type != PROC_PROGRAM)
		return -EPROTO;
	if (header.length < sizeof(struct program_header) || header.length > PROGRAM_MAX)
		return -EMSGSIZE;
	memory = sys_memory(header.length);
	if (memory < 0)
		return memory;
	*data = (unsigned char *)(uintptr_t)memory;
	while (have < header.length) {
		n = receive(sync, *data + have, header.length - have);
		if (n <= 0)
			return n < 0 ? n : -EPIPE;
		have += (size_t)n;
	}
	return (long)have;
}
