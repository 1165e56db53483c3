/*
 * Prints how the front parses command lines, for test/command-line.test.ts. stdin contains words that end with a
 * NUL: the number of words, the words of the command line, the number of variables, the variables, and so on. The
 * output has one line of JSON for each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Included after the C library's headers, since it hides later declarations. */
#include "../front/command.h"

#define WORDS_MAX 65536

static const char *const kinds[] = {
    [COMMAND_OTHER] = "other",   [COMMAND_LOCAL] = "plan",    [COMMAND_RUN] = "run",
    [COMMAND_SANDBOX] = "other", [COMMAND_LAUNCH] = "launch", [COMMAND_LIST] = "list",
};

static const char *const programs[] = {
    [PART_STATE] = "state",
    [PART_START] = "start",
    [PART_KILL] = "kill",
    [PART_DELETE] = "delete",
    [PART_FORCED_DELETE] = "delete --force",
    [PART_EXEC] = "exec",
    [PART_EXEC_TERMINAL] = "exec",
};

/* Prints each byte as a separate character. */
static void print_text(const char *name, const char *text)
{
	if (!text)
		return;
	printf(",\"%s\":\"", name);
	for (; *text; text++)
		printf(*text == '"' || *text == '\\' || (unsigned char)*text < 0x20 ||
			       (unsigned char)*text > 0x7e
			   ? "\\u%04x"
			   : "%c",
		       (unsigned char)*text);
	putchar('"');
}

/* Prints each text with its number behind `before`. */
static const char *const forms[] = {
    [LIST_AS_TABLE] = "table",
    [LIST_AS_JSON] = "json",
    [LIST_IDS] = "ids",
};

static void print_words(const char *before, const struct texts *words)
{
	for (unsigned int i = 0; i < words->count; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%s%u", before, i);
		print_text(name, words->at[i]);
	}
}

static void print(enum command_kind kind, const struct command *command)
{
	printf("{\"kind\":\"%s\"", kinds[kind]);
	if (kind == COMMAND_LOCAL || kind == COMMAND_RUN)
		print_text("id", command->id);
	if (kind == COMMAND_LOCAL || kind == COMMAND_RUN || kind == COMMAND_LIST) {
		print_text("root", command->root);
		print_text("log", command->log);
	}
	if (kind == COMMAND_LIST)
		print_text("form", forms[command->form]);
	if (kind == COMMAND_LOCAL)
		print_text("command", programs[command->part]);
	if (kind == COMMAND_LOCAL && command->part == PART_KILL)
		printf(",\"signal\":%d", command->signal);
	if (kind == COMMAND_LOCAL && command->part >= PART_EXEC) {
		print_words("", &command->words);
		print_words("env", &command->variables);
		print_text("cwd", command->cwd);
		print_text("uid", command->uid);
		print_text("gid", command->gid);
		print_text("pidFile", command->pid_file);
		print_text("process", command->process);
		print_text("console", command->console);
		printf(",\"terminal\":%s", command->part == PART_EXEC_TERMINAL ? "true" : "false");
		printf(",\"detach\":%s", command->detach ? "true" : "false");
	}
	if (kind == COMMAND_RUN) {
		print_text("bundle", command->key.at[0]);
		for (size_t i = 1; i < command->key.count; i++)
			printf(",\"%s\":true", command->key.at[i]);
	}
	puts("}");
}

/* The next word, or null. */
static char *next(char **at, const char *end)
{
	char *word = *at;

	if (word >= end)
		return 0;
	*at += strlen(word) + 1;
	return word;
}

/* Reads a list that follows its length, and ends it with a null pointer. Returns its length, or -1. */
static int next_list(char **at, const char *end, const char **list)
{
	const char *count = next(at, end);
	int length = count ? atoi(count) : -1;

	for (int i = 0; i < length; i++)
		list[i] = next(at, end);
	if (length >= 0)
		list[length] = 0;
	return length;
}

int main(void)
{
	static char input[64U << 20];
	static const char *argv[WORDS_MAX + 1];
	static const char *envp[WORDS_MAX + 1];
	size_t size = fread(input, 1, sizeof(input) - 1, stdin);
	char *at = input;
	int argc;

	while ((argc = next_list(&at, input + size, argv)) >= 0) {
		struct command command;

		memset(&command, 0xa5, sizeof(command));
		next_list(&at, input + size, envp);
		print(command_parse(&command, argc, argv, envp), &command);
	}
	return 0;
}
