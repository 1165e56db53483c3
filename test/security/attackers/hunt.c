/*
 * A process in a container that lies in wait for the runtime's process that joins it, before that has become the
 * program of an exec: it tries to get hold of its memory, executable and descriptors, and to trace it.
 *   usage: hunt SECONDS
 * Writes "seen N", and for each way in how often it was open: "mem N", "exe N", "fd N", "cwd N", "ptrace N",
 * and "written N" for executables that could be opened for writing.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	MEM,
	EXE,
	FD,
	CWD,
	PTRACE,
	WRITTEN,
	WAYS
};
static const char *const names[WAYS] = {"mem", "exe", "fd", "cwd", "ptrace", "written"};
static unsigned long seen;
static unsigned long got[WAYS];

static int is_stage(int process)
{
	char comm[32] = "";
	int fd = openat(process, "comm", O_RDONLY);

	if (fd < 0)
		return 0;
	if (read(fd, comm, sizeof(comm) - 1) < 0)
		comm[0] = 0;
	close(fd);
	/* "brun:[init]"; runc and crun have names of their own. */
	return strncmp(comm, "brun", 4) == 0 || strncmp(comm, "runc", 4) == 0 ||
	       strncmp(comm, "crun", 4) == 0;
}

/* Counts a way in only when the process was the runtime's still afterwards: an execve opens it rightly. */
static void note(int process, int way, int open)
{
	if (open && is_stage(process))
		got[way]++;
}

static void try_file(int process, int way, const char *name, int flags)
{
	int fd = openat(process, name, flags | O_CLOEXEC);

	note(process, way, fd >= 0);
	if (fd >= 0)
		close(fd);
}

static void try_all(int process, pid_t pid)
{
	char self[64];
	int exe;

	seen++;
	try_file(process, MEM, "mem", O_RDWR);
	/* The directory's names alone say nothing: what they lead to has to be reached. */
	for (int n = 0; n < 12; n++) {
		snprintf(self, sizeof(self), "fd/%d", n);
		try_file(process, FD, self, O_PATH);
	}
	try_file(process, CWD, "cwd", O_PATH);
	exe = openat(process, "exe", O_PATH | O_CLOEXEC);
	note(process, EXE, exe >= 0);
	if (exe >= 0) {
		int fd;

		snprintf(self, sizeof(self), "/proc/self/fd/%d", exe);
		fd = open(self, O_WRONLY);
		note(process, WRITTEN, fd >= 0);
		if (fd >= 0)
			close(fd);
		close(exe);
	}
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) {
		note(process, PTRACE, 1);
		/* Only what stands still is let go; what has ended besides is reaped. */
		ptrace(PTRACE_INTERRUPT, pid, 0, 0);
		waitpid(pid, 0, __WALL);
		ptrace(PTRACE_DETACH, pid, 0, 0);
	}
}

static void hunt(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		exit(1);
	while ((entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);
		int process;

		if (pid <= 1 || pid == getpid())
			continue;
		process = openat(dirfd(proc), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (process >= 0 && is_stage(process))
			try_all(process, pid);
		close(process);
	}
	closedir(proc);
}

int main(int argc, char **argv)
{
	time_t end = time(0) + (argc > 1 ? atoi(argv[1]) : 1);

	while (time(0) < end)
		for (int i = 0; i < 100; i++)
			hunt();
	printf("seen %lu\n", seen);
	for (int i = 0; i < WAYS; i++)
		printf("%s %lu\n", names[i], got[i]);
	return 0;
}
