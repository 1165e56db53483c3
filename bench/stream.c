/*
 * One stream of bytes. "stream serve PORT" listens on 127.0.0.1. It reads a line with a number from each client, and sends as
 * many bytes. "stream get PORT BYTES" is the client. It exits with 0 when it has read all of them.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[1 << 18];

static int get(int fd, const char *count)
{
	long left = atol(count);

	if (write(fd, count, strlen(count)) < 0 || write(fd, "\n", 1) < 0)
		return 1;
	while (left > 0) {
		ssize_t n = read(fd, buffer, sizeof(buffer));

		if (n <= 0)
			return 1;
		left -= n;
	}
	return 0;
}

static void serve(int listener)
{
	for (;;) {
		char line[32] = "";
		size_t length = 0;
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		while (length < sizeof(line) - 1 && !memchr(line, '\n', length)) {
			ssize_t n = read(fd, line + length, sizeof(line) - 1 - length);

			if (n <= 0)
				break;
			length += (size_t)n;
		}
		for (long left = atol(line); left > 0;) {
			ssize_t n = write(fd, buffer,
					  left < (long)sizeof(buffer) ? (size_t)left : sizeof(buffer));

			if (n <= 0)
				break;
			left -= n;
		}
		close(fd);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int on = 1;

	if (argc < 3 || fd < 0)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	at.sin_port = htons((unsigned short)atoi(argv[2]));
	if (argc == 4)
		return connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ? 1 : get(fd, argv[3]);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 16) < 0)
		return 1;
	serve(fd);
}
