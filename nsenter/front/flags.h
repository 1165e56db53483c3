/* A command line taken apart by the rules of src/cli/parse.ts: Go's flag syntax, as runc has it. */
#ifndef BRUN_FRONT_FLAGS_H
#define BRUN_FRONT_FLAGS_H

#include "../sys.h"

enum flag_kind {
	FLAG_SWITCH,
	FLAG_OPTIONAL, /* a switch of which "--flag=false" is not the same as none */
	FLAG_TEXT,
	FLAG_NUMBER,         /* 0 or more */
	FLAG_NUMBER_OR_NONE, /* or -1 */
};

struct flag {
	const char *name;
	char alias; /* or 0 */
	unsigned char kind;
};

/* How a command is read; build/command-line.h has those that the front knows. */
struct command_line {
	const char *name;
	const struct flag *flags;
	unsigned char count;       /* of flags */
	unsigned char short_forms; /* "-it" is -i and -t, "-w/tmp" is -w /tmp */
	unsigned char stops;       /* flags end at the first argument */
	unsigned char least;       /* so many arguments there have to be */
	unsigned char most;        /* and may be, unless flags end at the first */
};

#define FLAGS_MAX 64
#define FLAG_BIT(flag) (1ULL << (flag))

struct parsed {
	uint64_t given;                /* a bit for each flag; a switch that is set to false is as none */
	const char *values[FLAGS_MAX]; /* of flags that are no switches */
	const char *first;             /* arguments, where there are so many, or null */
	const char *second;
	int count;
	/* Where flags end at the first argument: all from there. */
	const char *const *rest;
	int dashed; /* the flags ended at "--" */
};

/* Returns 0 where brun would refuse the words, or would print help. What stands before a mistake has been taken by then. */
int flags_parse(struct parsed *parsed, const struct command_line *line, int count, const char *const *words);

#endif
