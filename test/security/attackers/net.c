/*
 * Tries ways out of a network namespace. Each argument is one, and prints "ARGUMENT RESULT MS": an errno's name, or what
 * it has got. Fields are parted by "|", since addresses have colons.
 *   tcp|ADDRESS|PORT   connects, asks for / by HTTP, and tells the first line
 *   udp|ADDRESS|PORT   sends a datagram and waits for an answer for 300 ms
 *   dns|NAME           asks the resolver of /etc/resolv.conf: the address, or rcode N
 *   dns|NAME|ADDRESS   another server; tcpdns the same by TCP
 *   socket|FAMILY|TYPE|PROTOCOL
 *   unix|PATH          connects; "@" begins an abstract name
 *   flood|ADDRESS|PORT|COUNT   as many connections at once as there can be
 *   many|ADDRESS|PORT|COUNT    so many connections that are begun at once: how many of them are refused
 *   from|SOURCE|ADDRESS|PORT   connects from an address of one's own
 *   sendto|ADDRESS|PORT        datagrams without connect(2), until one is refused
 *   garbage|ADDRESS|PORT|udp or tcp|SEED   a thousand messages by chance
 *   forge|ADDRESS|COUNT|SEED   so many packets by chance on the loopback device, and first ones of TCP from ADDRESS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static char answer[512];

static const char *failed(void)
{
	return strerrorname_np(errno);
}

static socklen_t address(struct sockaddr_storage *to, const char *text, int port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) != 1) {
		fprintf(stderr, "net: %s is no address\n", text);
		exit(2);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	return sizeof(*v6);
}

/* A connected socket, or -1. */
static int dial(const char *text, int port, int type)
{
	struct sockaddr_storage to;
	struct timeval patience = {.tv_sec = 5, .tv_usec = 0};
	socklen_t size = address(&to, text, port);
	int fd = socket(to.ss_family, type, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	patience.tv_sec = 1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&to, size) == 0)
		return fd;
	close(fd);
	return -1;
}

static const char *line(int fd)
{
	ssize_t n = recv(fd, answer, sizeof(answer) - 1, 0);

	if (n < 0)
		return failed();
	answer[n] = 0;
	answer[strcspn(answer, "\r\n")] = 0;
	for (char *c = answer; *c; c++)
		if (*c == ' ')
			*c = '_';
	return n == 0 ? "closed" : answer;
}

static const char *tcp(const char *host, int port)
{
	static const char request[] = "GET / HTTP/1.0\r\n\r\n";
	int fd = dial(host, port, SOCK_STREAM);

	if (fd < 0)
		return failed();
	const char *said = send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0 ? failed() : line(fd);

	close(fd);
	return said;
}

static const char *udp(const char *host, int port)
{
	int fd = dial(host, port, SOCK_DGRAM);
	struct pollfd wait = {.fd = fd, .events = POLLIN, .revents = 0};

	if (fd < 0 || send(fd, "x", 1, 0) < 0)
		return failed();
	return poll(&wait, 1, 300) == 0 ? "silence" : line(fd);
}

static const char *dns(const char *name, const char *server, int by_tcp)
{
	unsigned char message[600] = {0, 0, 0x12, 0x34, 1, 0, 0, 1};
	size_t at = 14;
	int fd = dial(server, 53, by_tcp ? SOCK_STREAM : SOCK_DGRAM);
	struct pollfd wait = {.fd = fd, .events = POLLIN, .revents = 0};
	ssize_t n;

	if (fd < 0)
		return failed();
	while (*name) {
		size_t label = strcspn(name, ".");

		message[at++] = (unsigned char)label;
		memcpy(message + at, name, label);
		at += label;
		name += label + (name[label] == '.');
	}
	memcpy(message + at, "\0\0\1\0\1", 5);
	at += 5;
	message[0] = (unsigned char)((at - 2) >> 8);
	message[1] = (unsigned char)(at - 2);
	if (send(fd, message + (by_tcp ? 0 : 2), at - (by_tcp ? 0 : 2), MSG_NOSIGNAL) < 0)
		return failed();
	if (poll(&wait, 1, 6000) == 0)
		return "silence";
	n = recv(fd, message, sizeof(message), 0);
	if (n < 0)
		return failed();
	if (by_tcp)
		memmove(message, message + 2, sizeof(message) - 2);
	if (n < 12 || message[7] == 0)
		snprintf(answer, sizeof(answer), "rcode_%d", message[3] & 15);
	else
		inet_ntop(AF_INET, message + n - 4 - (by_tcp ? 2 : 0), answer, sizeof(answer));
	return answer;
}

static const char *local(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(to.sun_path, path, sizeof(to.sun_path) - 1);
	if (*path == '@')
		to.sun_path[0] = 0;
	if (connect(fd, (struct sockaddr *)&to, (socklen_t)(2 + length + (*path != '@'))) < 0)
		return failed();
	return "connected";
}

/* How many stay open: each is read from, which those that were refused end at once. */
static const char *flood(const char *host, int port, int count)
{
	struct rlimit all;
	int open = 0;

	getrlimit(RLIMIT_NOFILE, &all);
	all.rlim_cur = all.rlim_max;
	setrlimit(RLIMIT_NOFILE, &all);
	int *fds = calloc((size_t)count, sizeof(int));

	for (int i = 0; i < count; i++)
		fds[i] = dial(host, port, SOCK_STREAM);
	for (int i = 0; i < count; i++) {
		struct pollfd wait = {.fd = fds[i], .events = POLLIN, .revents = 0};

		if (fds[i] >= 0 && send(fds[i], "x", 1, MSG_NOSIGNAL) == 1 && poll(&wait, 1, 5000) == 1 &&
		    recv(fds[i], answer, 1, 0) == 1)
			open++;
	}
	snprintf(answer, sizeof(answer), "%d", open);
	return answer;
}

/* Where poll(2) tells an error, SO_ERROR may take a moment more. */
static int error_of(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT, .revents = 0};
	int error = 0;
	socklen_t length = sizeof(error);

	for (int i = 0; error == 0 && i < 100 && poll(&wait, 1, 5000) == 1; i++) {
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
		if (error == 0)
			usleep(1000);
	}
	return error;
}

static const char *many(const char *host, int port, int count)
{
	struct sockaddr_storage to;
	socklen_t size = address(&to, host, port);
	int refused = 0;
	int *fds = calloc((size_t)count, sizeof(int));

	for (int i = 0; i < count; i++) {
		fds[i] = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fds[i], (struct sockaddr *)&to, size);
	}
	for (int i = 0; i < count; i++) {
		refused += error_of(fds[i]) == EHOSTUNREACH;
		close(fds[i]);
	}
	snprintf(answer, sizeof(answer), "%d", refused);
	return answer;
}

static const char *from(const char *source, const char *host, int port)
{
	struct sockaddr_storage to;
	struct timeval patience = {.tv_sec = 1, .tv_usec = 0};
	socklen_t size = address(&to, source, 0);
	int fd = socket(to.ss_family, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (bind(fd, (struct sockaddr *)&to, size) < 0)
		return failed();
	size = address(&to, host, port);
	return connect(fd, (struct sockaddr *)&to, size) < 0 ? failed() : "connected";
}

static const char *send_to(const char *host, int port)
{
	struct sockaddr_storage to;
	socklen_t size = address(&to, host, port);
	int fd = socket(to.ss_family, SOCK_DGRAM, 0);

	for (int i = 0; i < 100; i++) {
		if (sendto(fd, "x", 1, 0, (struct sockaddr *)&to, size) < 0)
			return failed();
		usleep(5000);
	}
	return "silence";
}

/* Half of them begin like a packet of IPv4 or IPv6, with odd sizes of headers, options and fragments. */
static size_t packet(unsigned char *bytes, size_t most)
{
	size_t size = 1 + (size_t)rand() % (rand() % 2 ? most : 80);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)(rand() % 4 ? rand() : rand() % 7);
	if (rand() % 2) {
		static const unsigned char next[] = {0, 6, 17, 43, 44, 58, 60};

		bytes[0] = rand() % 2 ? (unsigned char)(0x40 + rand() % 16) : 0x60;
		bytes[9] = rand() % 2 ? 6 : 17;
		for (size_t i = 6; i < size; i += 8 * (size_t)(1 + rand() % 3))
			if (rand() % 3)
				bytes[i] = next[(size_t)rand() % sizeof(next)];
	}
	return size;
}

static const char *forge(const char *source, int count, unsigned seed)
{
	static const unsigned short kinds[] = {0x0800, 0x86dd};
	unsigned char bytes[1200] = {0};
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = 1, .sll_halen = 6};
	int fd = socket(AF_PACKET, SOCK_DGRAM, 0);

	if (fd < 0)
		return failed();
	srand(seed);
	for (int i = 0; i < count; i++) {
		size_t size = packet(bytes, sizeof(bytes));

		to.sll_protocol = htons(kinds[rand() % 2]);
		if (i % 2) {
			/* SYN from SOURCE to 198.51.100.1:80 */
			memcpy(bytes, "\x45\0\0\x28\0\0\0\0\x40\6\0\0", 12);
			inet_pton(AF_INET, source, bytes + 12);
			memcpy(bytes + 16, "\xc6\x33\x64\1\x30\0\0\x50\0\0\0\0\0\0\0\0\x50\2\0\0\0\0\0\0",
			       24);
			to.sll_protocol = htons(kinds[0]);
			size = 40;
		}
		sendto(fd, bytes, size, 0, (struct sockaddr *)&to, sizeof(to));
		if (i % 64 == 0)
			usleep(1000);
	}
	return "sent";
}

static const char *garbage(const char *host, int port, int by_tcp, unsigned seed)
{
	unsigned char message[700];

	srand(seed);
	for (int i = 0; i < 1000; i++) {
		size_t size = (size_t)(rand() % (int)sizeof(message));
		int fd = dial(host, port, by_tcp ? SOCK_STREAM : SOCK_DGRAM);

		for (size_t at = 0; at < size; at++)
			message[at] = (unsigned char)(rand() % 4 ? rand() : rand() % 6);
		if (fd < 0)
			return failed();
		send(fd, message, size, MSG_NOSIGNAL);
		close(fd);
	}
	return "sent";
}

static const char *attack(char *argument)
{
	char *f[6] = {0};
	int n = 0;

	for (char *part = strtok(argument, "|"); part && n < 6; part = strtok(NULL, "|"))
		f[n++] = part;
	int number = f[2] ? atoi(f[2]) : 0;

	if (!strcmp(f[0], "tcp"))
		return tcp(f[1], number);
	if (!strcmp(f[0], "udp"))
		return udp(f[1], number);
	if (!strcmp(f[0], "dns") || !strcmp(f[0], "tcpdns"))
		return dns(f[1], f[2] ? f[2] : "198.18.0.1", f[0][0] == 't');
	if (!strcmp(f[0], "unix"))
		return local(f[1]);
	if (!strcmp(f[0], "flood"))
		return flood(f[1], number, atoi(f[3]));
	if (!strcmp(f[0], "many"))
		return many(f[1], number, atoi(f[3]));
	if (!strcmp(f[0], "from"))
		return from(f[1], f[2], atoi(f[3]));
	if (!strcmp(f[0], "sendto"))
		return send_to(f[1], number);
	if (!strcmp(f[0], "forge"))
		return forge(f[1], number, (unsigned)atoi(f[3]));
	if (!strcmp(f[0], "garbage"))
		return garbage(f[1], number, f[3][0] == 't', (unsigned)atoi(f[4]));
	if (!strcmp(f[0], "socket"))
		return socket(atoi(f[1]), number, atoi(f[3])) < 0 ? failed() : "made";
	return "unknown";
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	for (int i = 1; i < argc; i++) {
		char copy[512];
		struct timespec begin, end;

		snprintf(copy, sizeof(copy), "%s", argv[i]);
		clock_gettime(CLOCK_MONOTONIC, &begin);
		const char *result = attack(copy);

		clock_gettime(CLOCK_MONOTONIC, &end);
		printf("%s %s %ld\n", argv[i], result,
		       (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000);
		fflush(stdout);
	}
	return 0;
}
