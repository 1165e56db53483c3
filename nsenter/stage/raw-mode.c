#include "raw-mode.h"

#include <asm/ioctls.h>
#include <linux/signal.h>
#include <linux/termios.h>

static int has_both(const struct raw_mode *mode)
{
	return mode->host >= 0 && mode->terminal >= 0;
}

/* Like cfmakeraw(3). The container's pty has turned "\n" into "\r\n" already. */
void raw_mode_enter(struct raw_mode *mode)
{
	struct termios raw;

	if (!has_both(mode) || sys3(__NR_ioctl, mode->host, TCGETS, &mode->saved) < 0)
		return;
	raw = mode->saved;
	raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	raw.c_oflag &= ~(tcflag_t)OPOST;
	raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	raw.c_cflag = (raw.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	mode->is_on = sys3(__NR_ioctl, mode->host, TCSETS, &raw) == 0;
}

void raw_mode_leave(struct raw_mode *mode)
{
	if (mode->is_on)
		sys3(__NR_ioctl, mode->host, TCSETS, &mode->saved);
	mode->is_on = 0;
}

int raw_mode_is_foreground(const struct raw_mode *mode)
{
	int32_t group = 0;

	return sys3(__NR_ioctl, mode->host, TIOCGPGRP, &group) < 0 || group == sys1(__NR_getpgid, 0);
}

void raw_mode_copy_size(const struct raw_mode *mode)
{
	struct winsize size;

	if (has_both(mode) && sys3(__NR_ioctl, mode->host, TIOCGWINSZ, &size) == 0)
		sys3(__NR_ioctl, mode->terminal, TIOCSWINSZ, &size);
}

int raw_mode_is_key_of(const struct raw_mode *mode, unsigned int sig, unsigned char key)
{
	struct termios now;

	if ((sig != SIGINT && sig != SIGQUIT) || mode->terminal < 0 ||
	    sys3(__NR_ioctl, mode->terminal, TCGETS, &now) < 0)
		return 0;
	return key == now.c_cc[sig == SIGINT ? VINTR : VQUIT];
}
