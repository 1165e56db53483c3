/*
 * Files of plans: what the front makes of whatever comes. The input is the file and the tape, which begins
 * with the command's number and the words of an exec.
 */
#include "../front/plans.h"

#include "../front/handover.h"
#include "../front/template.h"
#include "input.h"
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#define ID "seed"
#define WORDS_MAX 66

static const char *words[WORDS_MAX];
static char text[WORDS_MAX * 256];

void handover_leave(const struct failure *failure, int64_t kept, long directory)
{
	(void)failure;
	(void)kept;
	(void)directory;
}

static unsigned int take_words(void)
{
	unsigned char count = 0;
	char *at = text;

	fuzz_take(&count, 1);
	count %= WORDS_MAX;
	for (unsigned int i = 0; i < count; i++) {
		unsigned char length = 0;

		fuzz_take(&length, 1);
		words[i] = at;
		at += fuzz_take(at, length);
		*at++ = 0;
	}
	return count;
}

/* A template that is filled in is a program again, whose strings end with the words. */
static void fill(const struct plans *plans, const struct command *command)
{
	struct program program;
	size_t size;
	unsigned char *template = plans_get(plans, LOCAL_EXEC, &size);
	const struct words argv = {command->words, command->word_count};
	const struct words *envp = command->word_count % 2 == 0 ? &argv : 0;
	unsigned char *filled = template ? template_fill(template, size, &argv, envp, &size) : 0;
	size_t length;

	if (!filled)
		return;
	if (program_decode(&program, filled, size) < 0)
		abort();
	program_relocate(&program);
	length = strlen(command->words[command->word_count - 1]) + 1;
	if (memcmp(filled + size - length, command->words[command->word_count - 1], length) != 0)
		abort();
}

static void use(const struct command *command)
{
	static struct machine machine;
	struct plans plans;

	if (plans_open(&plans, command) < 0)
		return;
	memset(&machine, 0, sizeof(machine));
	fuzz_file(0, 0);
	if (command->program == LOCAL_EXEC) {
		plans_run(&machine, &plans, LOCAL_EXEC_GUARD);
		fill(&plans, command);
	} else {
		plans_run(&machine, &plans, command->program);
	}
	plans_close(&plans);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct command command = {.root = "/root", .id = ID, .words = words};
	size_t tape = fuzz_tape_size(data, size);
	unsigned char program = 0;

	fuzz_tape(data + size - tape, tape > 0 ? tape - 1 : 0);
	fuzz_take(&program, 1);
	command.program = program % LOCAL_PLANS;
	command.word_count = take_words();
	fuzz_file(data, size - tape);
	if (setjmp(fuzz_exit) == 0)
		use(&command);
	return 0;
}

/* Where a program is, once the entry has been put right. */
static uint8_t *program_at(uint8_t *data, size_t length, unsigned int index, size_t *size)
{
	struct local_header header;
	uint32_t offset;

	memcpy(&header, data, sizeof(header));
	offset = header.plans[index].part.offset & ~7U;
	if (offset < sizeof(header))
		offset = sizeof(header);
	if (offset > length)
		offset = (uint32_t)length & ~7U;
	if (header.plans[index].part.size > length - offset)
		header.plans[index].part.size = (uint32_t)length - offset;
	header.plans[index].part.offset = offset;
	memcpy(data, &header, sizeof(header));
	*size = header.plans[index].part.size;
	return data + offset;
}

/* What a change has broken that is not it is put right; one in two changes is one of a program alone. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned int seed)
{
	struct local_header header;
	size_t length = size - fuzz_tape_size(data, size);
	uint8_t *program;

	if (length >= sizeof(header) && seed % 2 == 0) {
		program = program_at(data, length, seed / 2 % LOCAL_PLANS, &length);
		if (length > 0) {
			LLVMFuzzerMutate(program, length, length);
			fuzz_fix_program(program, length);
			return size;
		}
	}
	size = LLVMFuzzerMutate(data, size, limit);
	length = size - fuzz_tape_size(data, size);
	if (length < sizeof(header) || seed % 16 == 1)
		return size;
	memcpy(&header, data, sizeof(header));
	header.magic = LOCAL_MAGIC;
	header.stage = STAGE_ID;
	header.state = (struct file_stamp){FUZZ_INODE, length, 0, 0, 0};
	memset(header.id, 0, sizeof(header.id));
	memcpy(header.id, ID, sizeof(ID));
	memcpy(data, &header, sizeof(header));
	for (unsigned int i = 0; i < LOCAL_PLANS; i++) {
		size_t program_size;

		program = program_at(data, length, i, &program_size);
		if (seed % 4 != 3)
			fuzz_fix_program(program, program_size);
	}
	return size;
}
