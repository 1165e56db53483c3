#include "terminal.h"

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

void terminal_prepare(int master)
{
	struct winsize size;
	struct termios termios;

	/* The size in the program is that of an earlier terminal, on which the plan was compiled. */
	if (sys3(__NR_ioctl, host_terminal(), TIOCGWINSZ, &size) == 0)
		sys3(__NR_ioctl, master, TIOCSWINSZ, &size);
	/* Output to a file or a pipe gets no "\r\n", as with runc. */
	if (sys3(__NR_ioctl, 1, TCGETS, &termios) < 0 && sys3(__NR_ioctl, master, TCGETS, &termios) == 0) {
		termios.c_oflag &= ~(tcflag_t)ONLCR;
		sys3(__NR_ioctl, master, TCSETS, &termios);
	}
}
