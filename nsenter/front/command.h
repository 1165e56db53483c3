/* Parses the command lines that the front knows. For all others it falls back to Bun. */
#ifndef BRUN_FRONT_COMMAND_H
#define BRUN_FRONT_COMMAND_H

#include "../sys.h"
#include "../text.h"
#include "flags.h"

/* A list of strings for execve(2), without the null pointer at its end. */
struct texts {
	const char *const *at;
	size_t count;
};

/* What `list` prints of the containers. */
enum list_form {
	LIST_AS_TABLE,
	LIST_AS_JSON,
	LIST_IDS,
};

#define ID_DIGITS 10 /* of a user or group */

struct command {
	enum plan_part part;    /* the part of a plan file that does the command */
	struct texts key;       /* the key of the plan */
	char root[PATH_SIZE];   /* state directory */
	char bundle[PATH_SIZE]; /* for run */
	const char *id;         /* null if the plan has it */
	int signal;
	int systemd;     /* --systemd-cgroup, which has no effect on plans */
	const char *log; /* the log file, or null */
	int json;        /* --log-format json */
	int off;         /* BRUN_FRONT=off */
	int on;          /* BRUN_FRONT=on: the front also does observed commands */
	int observed;    /* --debug or BRUN_TIMING: Bun has to do the command and show how */
	int argc;
	const char *const *argv;
	const char *const *envp;
	struct texts words;     /* for exec: the program and its arguments */
	struct texts variables; /* of exec: the values of --env */
	const char *cwd;        /* of exec: --cwd, or null */
	const char *uid;        /* of exec: the numbers of --user, or null */
	const char *gid;
	const char *pid_file; /* of exec: an absolute path, or null */
	const char *process;  /* of exec: the absolute path of --process, or null */
	const char *console;  /* of exec: --console-socket, or null */
	int detach;           /* of exec */
	enum list_form form;  /* of list */
	const char *texts[3]; /* strings for the key of a run */
	const char *several[SEVERAL_MAX];
	char ids[2][ID_DIGITS + 1]; /* strings for uid and gid */
	const char *directory;      /* for a run without a bundle: the current one */
};

/* How a command is handled. */
enum command_kind {
	COMMAND_OTHER,   /* falls back to Bun: the front does not know a part of it */
	COMMAND_LOCAL,   /* the container's directory may have a plan, which *command describes */
	COMMAND_RUN,     /* its plan may be cached; otherwise Bun needs a stage */
	COMMAND_SANDBOX, /* the same, but Bun needs no stage before it has looked at stdin */
	COMMAND_LIST,    /* its plan may be cached */
	COMMAND_LAUNCH,  /* falls back to Bun, which needs a stage */
};

/* Whether a name is that of a container. */
int command_is_id(const char *id);

/* Parses the command line. */
enum command_kind command_parse(struct command *command, int argc, const char *const *argv,
				const char *const *envp);

/* The global flags about errors, and the command; null for missing ones. Ignores all other flags. */
struct log_flags {
	const char *log;
	const char *format;
	const char *command;
};

void command_log(struct log_flags *flags, int argc, const char *const *argv);

#endif
