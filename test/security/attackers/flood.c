/*
 * Runs a program with every descriptor from 3 to the limit open on a directory of the host, none close-on-exec.
 *   usage: flood DIRECTORY PROGRAM [ARGUMENT...]
 */
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct rlimit limit;
	int fd;

	if (argc < 3 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 2;
	fd = open(argv[1], O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return 3;
	/* Some are left for what the program opens by itself. */
	for (int n = 3; n < (int)limit.rlim_cur - 64; n++)
		if (n != fd && dup2(fd, n) != n)
			return 3;
	execv(argv[2], argv + 2);
	return 127;
}
