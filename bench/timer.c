/*
 * Times commands alternately: one sample of every job, then the next round, so that whatever else the machine
 * does falls on all of them alike. Each round has an order by chance: a job that always came after the same other
 * one would always find that one's memory in the caches of the processor. Written in C because a child's peak memory (ru_maxrss) begins with
 * that of the process that started it.
 *
 *   usage: timer ROUNDS WARM-UP <JOBS
 *   JOBS:  lines "job NAME COPIES", then for each command of the job a line "timed" or "untimed" with its
 *          words, all separated by tabs. A job's sample is the sum of its timed commands. With more COPIES than
 *          one that many of a command are started at once, "@" in a word being the number of the copy, and the
 *          time is until the last has ended. A word "#" is the number of the round.
 *   prints "NAME <tab> wall ns <tab> user us <tab> system us <tab> peak RSS KB <tab> page faults" for each sample,
 *          and for each copy "NAME/copy" with its own wall time and noughts
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define MAX_JOBS 32
#define MAX_COMMANDS 16
#define MAX_WORDS 64
#define MAX_COPIES 512
#define WORD_SIZE 512

extern char **environ;

struct command {
	int timed;
	char *argv[MAX_WORDS];
};

struct job {
	const char *name;
	int copies;
	int n_commands;
	struct command commands[MAX_COMMANDS];
};

struct sample {
	long long wall;
	long long user;
	long long system;
	long rss;
	long faults;
};

static struct job jobs[MAX_JOBS];
static int n_jobs;

static void fail(const char *what)
{
	fprintf(stderr, "timer: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void read_jobs(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	while ((n = getline(&line, &size, stdin)) > 0) {
		char *words[MAX_WORDS + 1];
		char *rest = strdup(line);
		int count = 0;

		rest[strcspn(rest, "\n")] = 0;
		while (count < MAX_WORDS && (words[count] = strsep(&rest, "\t")) != NULL)
			count++;
		if (count < 2 || rest != NULL)
			continue;
		if (strcmp(words[0], "job") == 0) {
			if (n_jobs == MAX_JOBS)
				exit(2);
			jobs[n_jobs].name = words[1];
			jobs[n_jobs].copies = count > 2 ? atoi(words[2]) : 1;
			if (jobs[n_jobs].copies < 1 || jobs[n_jobs].copies > MAX_COPIES)
				exit(2);
			n_jobs++;
			continue;
		}
		if (n_jobs == 0 || jobs[n_jobs - 1].n_commands == MAX_COMMANDS)
			exit(2);
		struct job *job = &jobs[n_jobs - 1];
		struct command *command = &job->commands[job->n_commands++];

		command->timed = strcmp(words[0], "timed") == 0;
		memcpy(command->argv, words + 1, (size_t)(count - 1) * sizeof(*words));
	}
	free(line);
}

static long long nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long microseconds(struct timeval t)
{
	return t.tv_sec * 1000000LL + t.tv_usec;
}

/* The number of the round. */
static char number[16];

/* The words of one copy: "@" becomes its number. */
static char **words_of(const struct command *command, int copy)
{
	static char text[MAX_WORDS][WORD_SIZE];
	static char *argv[MAX_WORDS];
	int i = 0;

	for (; command->argv[i] != NULL; i++) {
		const char *word = strcmp(command->argv[i], "#") == 0 ? number : command->argv[i];
		const char *at = strchr(word, '@');
		int n = at == NULL
			    ? snprintf(text[i], WORD_SIZE, "%s", word)
			    : snprintf(text[i], WORD_SIZE, "%.*s%d%s", (int)(at - word), word, copy, at + 1);

		if (n >= WORD_SIZE)
			exit(2);
		argv[i] = text[i];
	}
	argv[i] = NULL;
	return argv;
}

static pid_t start(char **argv)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	errno = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
	if (errno != 0)
		fail(argv[0]);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static void run(const struct job *job, const struct command *command, int counts, struct sample *sample)
{
	static pid_t pids[MAX_COPIES];
	static long long starts[MAX_COPIES];
	long long began = nanoseconds();
	long long ended = began;

	for (int i = 0; i < job->copies; i++) {
		char **argv = words_of(command, i);

		starts[i] = nanoseconds();
		pids[i] = start(argv);
	}
	for (int left = job->copies; left > 0; left--) {
		struct rusage usage;
		int status;
		pid_t pid = wait4(-1, &status, 0, &usage);
		int copy = 0;

		if (pid < 0)
			fail("wait4");
		ended = nanoseconds();
		if (status != 0) {
			fprintf(stderr, "timer: %s: %s ended with status 0x%x\n", job->name, command->argv[0],
				status);
			exit(1);
		}
		while (pids[copy] != pid)
			if (++copy == job->copies)
				fail("a child of nobody");
		if (!command->timed)
			continue;
		if (counts && job->copies > 1)
			printf("%s/copy\t%lld\t0\t0\t0\t0\n", job->name, ended - starts[copy]);
		sample->user += microseconds(usage.ru_utime);
		sample->system += microseconds(usage.ru_stime);
		sample->faults += usage.ru_minflt;
		if (usage.ru_maxrss > sample->rss)
			sample->rss = usage.ru_maxrss;
	}
	if (command->timed)
		sample->wall += ended - began;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fputs("usage: timer ROUNDS WARM-UP <JOBS\n", stderr);
		return 2;
	}
	int order[MAX_JOBS];
	int rounds = atoi(argv[1]);
	int warm_up = atoi(argv[2]);

	read_jobs();
	for (int i = 0; i < n_jobs; i++)
		order[i] = i;
	for (int round = -warm_up; round < rounds; round++) {
		snprintf(number, sizeof(number), "%d", round);
		for (int i = n_jobs - 1; i > 0; i--) {
			int other = rand() % (i + 1);
			int kept = order[i];

			order[i] = order[other];
			order[other] = kept;
		}
		for (int i = 0; i < n_jobs; i++) {
			const struct job *job = &jobs[order[i]];
			struct sample sample = {0};

			for (int c = 0; c < job->n_commands; c++)
				run(job, &job->commands[c], round >= 0, &sample);
			if (round >= 0)
				printf("%s\t%lld\t%lld\t%lld\t%ld\t%ld\n", job->name, sample.wall,
				       sample.user, sample.system, sample.rss, sample.faults);
		}
	}
	return 0;
}
