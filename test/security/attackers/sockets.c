/*
 * Makes a socket of one address family by each way that the machine has: "WAY ERRNO", 0 for one that was made.
 *   sockets FAMILY
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void say(const char *way, long result)
{
	printf("%s %ld\n", way, result < 0 ? -result : 0);
	if (result >= 0)
		close((int)result);
}

/* The kernel takes the family for an int. */
static long plain(unsigned long family)
{
	long result = syscall(SYS_socket, family, SOCK_DGRAM, 0);

	return result < 0 ? -errno : result;
}

#if defined(__x86_64__)
#define X32 0x40000000
#define SYS_I386_SOCKET 359
#define SYS_I386_SOCKETCALL 102
#define CALL_SOCKET 1

static long i386(long number, long first, long second, long third)
{
	long result = number;

	__asm__ volatile("int $0x80"
			 : "+a"(result)
			 : "b"(first), "c"(second), "d"(third)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

static void others(unsigned long family)
{
	/* Where 32 bits reach it. */
	unsigned int *words = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
				   -1, 0);
	long result = syscall(X32 | SYS_socket, family, SOCK_DGRAM, 0);

	say("x32", result < 0 ? -errno : result);
	say("i386", i386(SYS_I386_SOCKET, (long)family, SOCK_DGRAM, 0));
	if (words == MAP_FAILED)
		exit(3);
	words[0] = (unsigned int)family;
	words[1] = SOCK_DGRAM;
	words[2] = 0;
	say("socketcall", i386(SYS_I386_SOCKETCALL, CALL_SOCKET, (long)words, 0));
}
#else
static void others(unsigned long family)
{
	(void)family;
}
#endif

int main(int argc, char **argv)
{
	unsigned long family = argc > 1 ? strtoul(argv[1], 0, 10) : 0;

	say("socket", plain(family));
	say("upper", plain(family | 1UL << 32));
	others(family);
	return 0;
}
