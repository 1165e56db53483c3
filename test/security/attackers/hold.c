/* A process in a container that traces every other one in it, and lets none go, not even when it has ended. */
#include <dirent.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(void)
{
	for (;;) {
		DIR *proc = opendir("/proc");
		struct dirent *entry;

		if (!proc)
			return 1;
		while ((entry = readdir(proc))) {
			pid_t pid = atoi(entry->d_name);

			if (pid > 1 && pid != getpid())
				ptrace(PTRACE_SEIZE, pid, 0, 0);
		}
		closedir(proc);
		usleep(1000);
	}
}
