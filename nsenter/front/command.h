/* Which command line this is, as far as the front knows it. For all others it falls back to Bun. */
#ifndef BRUN_FRONT_COMMAND_H
#define BRUN_FRONT_COMMAND_H

#include "../sys.h"
#include "../text.h"

/* Strings, as execve(2) wants them but for the null pointer at the end. */
struct texts {
	const char *const *at;
	size_t count;
};

struct command {
	enum plan_part part;    /* of a file with plans: what does the command */
	struct texts key;       /* what the plan is for */
	uint32_t slot;          /* of a run: number of its file, less than CACHED_SLOTS */
	char root[PATH_SIZE];   /* state directory */
	char bundle[PATH_SIZE]; /* of run */
	const char *id;         /* null: the plan has it */
	int signal;
	int systemd;     /* --systemd-cgroup, which plans need not know of */
	const char *log; /* the log file, or null */
	int json;        /* --log-format json */
	int off;         /* BRUN_FRONT=off */
	int on;          /* BRUN_FRONT=on: does also what is observed */
	int observed;    /* --debug or BRUN_TIMING: Bun shows how it does the command */
	int argc;
	const char *const *argv;
	const char *const *envp;
	struct texts words;   /* of exec: program and arguments */
	const char *texts[2]; /* those of the key of a run */
};

/* What becomes of a command line. */
enum command_kind {
	COMMAND_OTHER,   /* falls back to Bun: some of it is not known here */
	COMMAND_LOCAL,   /* a plan of it may be in the container's directory: *command says which */
	COMMAND_RUN,     /* its plan may be cached; otherwise Bun will want a stage */
	COMMAND_SANDBOX, /* the same, but Bun wants none before it knows stdin */
	COMMAND_LAUNCH,  /* falls back to Bun, which will want a stage */
};

/* A variable of an environment, or null. Of one that is given twice the last counts, as in Bun's process.env. */
const char *environment_variable(const char *const *envp, const char *name);

/* The number of a run's file: FNV-1a of the texts with a NUL between them, as planPath() of src/container/lifecycle/cached-plan.ts. */
uint32_t plan_slot(const struct texts *texts);

/* Takes the command line apart. */
enum command_kind command_parse(struct command *command, int argc, const char *const *argv,
				const char *const *envp);

/* What the global flags say of errors, and the command; null where they do not. Whatever the other flags are. */
struct log_flags {
	const char *log;
	const char *format;
	const char *command;
};

void command_log(struct log_flags *flags, int argc, const char *const *argv);

#endif
