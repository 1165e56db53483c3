#include "output.h"

#include <linux/poll.h>

long output_write(int fd, const unsigned char *data, uint64_t size)
{
	struct pollfd poll = {fd, POLLOUT, 0};

	while (size > 0) {
		long n = sys3(__NR_write, fd, data, size);

		if (n == -EAGAIN)
			n = sys5(__NR_ppoll, &poll, 1, 0, 0, 8);
		else if (n == 0 || n > (long)size)
			n = -EIO;
		else if (n > 0) {
			data += n;
			size -= (uint64_t)n;
		}
		if (n < 0 && n != -EINTR)
			return n;
	}
	return 0;
}
