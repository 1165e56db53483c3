#include "terminal.h"

#include "../stage/message.h"
#include "../text.h"
#include "unix-socket.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <linux/termios.h>

int host_terminal(void)
{
	struct winsize size;

	for (int fd = 0; fd < 3; fd++)
		if (sys3(__NR_ioctl, fd, TIOCGWINSZ, &size) == 0)
			return fd;
	return -1;
}

void terminal_resize(int master)
{
	struct winsize size;

	if (sys3(__NR_ioctl, host_terminal(), TIOCGWINSZ, &size) == 0)
		sys3(__NR_ioctl, master, TIOCSWINSZ, &size);
}

void terminal_prepare(int master)
{
	struct termios termios;

	/* The size in the program is that of an earlier terminal, on which the plan was compiled. */
	terminal_resize(master);
	/* Output to a file or a pipe gets no "\r\n", as with runc. */
	if (sys3(__NR_ioctl, 1, TCGETS, &termios) < 0 && sys3(__NR_ioctl, master, TCGETS, &termios) == 0) {
		termios.c_oflag &= ~(tcflag_t)ONLCR;
		sys3(__NR_ioctl, master, TCSETS, &termios);
	}
}

long terminal_send(const char *path, int master)
{
	static char name[] = "/dev/ptmx";
	struct iovec iov = {name, sizeof(name) - 1};
	struct socket_address address = {AF_UNIX, {0}};
	size_t length = text_length(path);
	long socket;
	long result;

	if (length >= SOCKET_PATH_SIZE)
		return -ENAMETOOLONG;
	copy(address.path, path, length);
	socket = socket_connect(&address, SOCK_STREAM);
	if (socket < 0)
		return socket;
	result = send_with_fd((int)socket, &iov, 1, master);
	sys1(__NR_close, socket);
	return result < 0 ? result : 0;
}
