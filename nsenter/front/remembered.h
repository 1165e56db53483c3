/*
 * What brun has written down of a `run`, for the next one of the same bundle: ROOT/@run/NN, one file for all bundles
 * with the hash NN. It has the programs that were made of the config, the config, and what else they depend on, which has
 * to be as it was. Written by src/container/remember.ts; the two files describe the same bytes.
 */
#ifndef BRUN_FRONT_REMEMBERED_H
#define BRUN_FRONT_REMEMBERED_H

#include "../program.h"
#include "command.h"
#include "files.h"

#define REMEMBERED_MAGIC 0x6d657262U /* "brem" */
#define REMEMBERED_MAX (4U << 20)
#define REMEMBERED_SLOTS 64 /* as many files there can be */
#define STDIO_ANY 8U
#define NOT_THERE 0xffffffffU

/* Characters that do not occur in JSON, and stand for what a container's state has of its own. */
enum {
	TEXT_ID = 1,
	TEXT_CREATED = 2,
	TEXT_PID = 3,
	TEXT_START_TIME = 4,
};

/* Whether the program gets a terminal, and whether there was one to take the size from. */
enum remembered_terminal {
	TERMINAL_NONE,
	TERMINAL_WITHOUT_HOST,
	TERMINAL_WITH_HOST,
};

enum remembered_part {
	PART_BUNDLE, /* its path, with a NUL */
	PART_GUARD,  /* program that fails where not all is as it was; size 0: there is none */
	PART_ENTER,  /* programs of the stage */
	PART_BUILD,
	PART_FINISH,
	PART_CLEANUP, /* program for the end */
	PART_STATE,   /* state.json, see TEXT_ID */
	PART_EXEC,    /* exec.json */
	PART_FILTER,  /* seccomp.bpf; size 0: there is none */
	PART_NEWUIDMAP, /* path and arguments behind the pid, each with a NUL; size 0: the process maps its own id */
	PART_NEWGIDMAP,
	PART_WITNESSES, /* of struct witness */
	PART_IDS,       /* offsets, 4 bytes each, where ID_MAX + 1 bytes wait for the container's id */
	REMEMBERED_PARTS
};

/* A file that has to hold what it held. */
struct witness {
	struct part path;    /* with a NUL */
	struct part content; /* offset NOT_THERE: there was none */
};

struct remembered_header {
	uint32_t magic;
	uint32_t build;       /* which brun wrote it: behind.build */
	uint32_t gid;         /* the caller's effective one; its uid is that of the file */
	uint32_t stdio;       /* which of 0, 1 and 2 were pipes or sockets, a bit each, or STDIO_ANY */
	uint32_t old_keyring; /* 1: --no-new-keyring */
	uint32_t terminal;    /* enum remembered_terminal */
	struct part parts[REMEMBERED_PARTS];
};

struct remembered {
	long root; /* state directory */
	struct bytes file;
};

/*
 * Opens what is remembered of the command's bundle, if all is as it was then. 0, or -errno with nothing open.
 * machine: for the guard.
 */
long remembered_open(struct remembered *remembered, const struct command *command, struct machine *machine);

void remembered_close(const struct remembered *remembered);

/* A part's bytes, or null when it has none. */
unsigned char *remembered_part(const struct remembered *remembered, enum remembered_part index, size_t *size);

#endif
