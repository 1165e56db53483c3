/*
 * Swaps two names in a directory as fast as it can (renameat2(2), RENAME_EXCHANGE), until stdin ends.
 *   usage: swap DIRECTORY NAME OTHER
 * Writes how often it has, to stdout.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct pollfd input = {0, POLLIN, 0};
	unsigned long swaps = 0;
	int directory;

	if (argc != 4)
		return 2;
	directory = open(argv[1], O_PATH | O_DIRECTORY);
	while (poll(&input, 1, 0) == 0)
		for (int i = 0; i < 50; i++)
			if (renameat2(directory, argv[2], directory, argv[3], RENAME_EXCHANGE) == 0)
				swaps++;
	printf("%lu\n", swaps);
	return directory < 0;
}
