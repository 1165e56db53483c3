/* Parses a command line by the rules of src/cli/parse.ts: Go's flag syntax, as in runc. */
#ifndef BRUN_FRONT_FLAGS_H
#define BRUN_FRONT_FLAGS_H

#include "../sys.h"

enum flag_kind {
	FLAG_SWITCH,
	FLAG_OPTIONAL, /* a switch for which "--flag=false" differs from no flag */
	FLAG_TEXT,
	FLAG_TEXTS,          /* may be given several times */
	FLAG_NUMBER,         /* 0 or more */
	FLAG_NUMBER_OR_NONE, /* or -1 */
};

struct flag {
	const char *name;
	char alias; /* or 0 */
	unsigned char kind;
};

/* How a command line is parsed. build/command-line.h has those that the front knows. */
struct command_line {
	const char *name;
	const struct flag *flags;
	unsigned char count;       /* the number of flags */
	unsigned char short_forms; /* "-it" is -i and -t, "-w/tmp" is -w /tmp */
	unsigned char stops;       /* flags end at the first argument */
	unsigned char least;       /* the minimum number of arguments */
	unsigned char most;        /* the maximum number, unless flags end at the first argument */
};

#define FLAGS_MAX 64
#define FLAG_BIT(flag) (1ULL << (flag))
#define SEVERAL_MAX 64

struct parsed {
	uint64_t given; /* a bit for each flag; a switch that is set to false counts as missing */
	const char *values[FLAGS_MAX]; /* values of flags that are no switches */
	/* Values of all flags that may be given several times; more of them than SEVERAL_MAX are only counted. */
	const char *several[SEVERAL_MAX];
	size_t several_count;
	const char *first; /* arguments, or null for missing ones */
	const char *second;
	int count;
	/* If flags end at the first argument: all words from there on. */
	const char *const *rest;
	int dashed; /* the flags ended at "--" */
};

/* Returns 0 if brun would refuse the words, or print help. Words before a mistake have been handled by then. */
int flags_parse(struct parsed *parsed, const struct command_line *line, int count, const char *const *words);

#endif
