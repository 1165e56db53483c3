/*
 * Fuzzes files of plans in the front. The input consists of the file and the tape. The tape begins with
 * the command: for a `run` the length of the container's id and whether --no-new-keyring is given,
 * otherwise the words of an exec.
 */
#include "../front/exec.h"
#include "../front/run.h"

#include "../front/checksum.h"
#include "../front/background.h"
#include "../front/handover.h"
#include "../front/holes.h"
#include "../front/loader.h"
#include "../plan/local.h"
#include "../stage/spawn.h"
#include "../stage/supervise.h"
#include "tape.h"
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#define BUNDLE "/bundle"
#define ID "seed"
#define SOCKET 9
#define BUILD 1
#define WORDS_MAX 66

struct behind behind_front = {.build = BUILD};

/* The only variable is NAME. */
static const char *const environment[] = {"NAME=value", 0};
static const char *words[WORDS_MAX];
static char text[WORDS_MAX * 256];

void handover_start(void)
{
}

int handover_has_started(void)
{
	return 0;
}

void handover_console_sent(void)
{
}

void handover_failed_at(enum plan_part part, const struct failure *failure)
{
	(void)part;
	(void)failure;
}

long background_stderr(void)
{
	return 2;
}

void background_streams(struct keep_request *keep)
{
	keep_nothing(keep);
}

long background_tell(const char *id)
{
	(void)id;
	return 0;
}

long handover_take(int *socket)
{
	*socket = SOCKET;
	return fuzz_answer();
}

long __real_local_run(struct machine *machine, unsigned char *data, size_t size, struct failure *failure);
long __wrap_local_run(struct machine *machine, unsigned char *data, size_t size, struct failure *failure);

/* The pointers in a program are not the front's own. */
long __wrap_local_run(struct machine *machine, unsigned char *data, size_t size, struct failure *failure)
{
	int own = fuzz_all_own;
	long result;

	fuzz_all_own = 0;
	result = __real_local_run(machine, data, size, failure);
	fuzz_all_own = own;
	return result;
}

void supervise_process(struct machine *machine, const struct supervise_request *request,
		       unsigned char *program)
{
	struct failure failure;

	if (request->program > 0)
		__wrap_local_run(machine, program, request->program, &failure);
	longjmp(fuzz_exit, 1);
}

/* Checks that a program with filled holes is still valid, and ends with the last word. */
static void fill(const struct plan_file *plan, const struct command *command)
{
	struct values values = {.of = {[HOLE_ARGUMENT] = command->words}};
	struct program program;
	size_t before;
	size_t size;
	const unsigned char *template = plan_part(plan, PART_EXEC, &before);
	unsigned char *filled = holes_fill(plan, PART_EXEC, &values, &size);

	if (!filled || filled == template || program_decode(&program, filled, size) < 0)
		return;
	program_relocate(&program);
	if (filled[size - 1] != 0)
		abort();
}

static void use(const struct command *command)
{
	static struct machine machine;
	struct plan_file plan;
	struct failure failure;
	unsigned char *program;
	size_t size;

	if (plan_open(&plan, command) < 0)
		return;
	if (!plan_agrees(&plan, command)) {
		plan_close(&plan);
		return;
	}
	machine_clear(&machine);
	fuzz_file(0, 0);
	fuzz_all_own = 1;
	program = plan_part(&plan, command->part, &size);
	if (command->part == PART_ENTER) {
		run_container(&machine, &plan, command);
	} else if (command->part == PART_EXEC) {
		fill(&plan, command);
		exec_run(&machine, &plan, command);
	} else if (program) {
		local_run(&machine, program, size, &failure);
	}
	plan_close(&plan);
}

static int fits(size_t length, struct part part)
{
	return part.offset <= length && part.size <= length - part.offset;
}

/* Adds the files that the guard expects, unchanged. */
static void add_host_files(const uint8_t *data, size_t length)
{
	struct plan_header header;
	struct part part;

	if (length < sizeof(header))
		return;
	memcpy(&header, data, sizeof(header));
	part = header.parts[PART_GUARD];
	if (!fits(length, part))
		return;
	for (uint32_t at = 0; at + sizeof(struct input) <= part.size; at += sizeof(struct input)) {
		struct input input;

		memcpy(&input, data + part.offset + at, sizeof(input));
		if (input.kind == INPUT_FILE && fits(length, input.answer))
			fuzz_host_file(data + input.answer.offset, input.answer.size);
	}
}

static unsigned char take_byte(void)
{
	unsigned char byte = 0;

	fuzz_take(&byte, 1);
	return byte;
}

static void take_run(struct command *command)
{
	static const char *const key[] = {BUNDLE, "--no-new-keyring"};
	static char id[256];
	unsigned char length = take_byte();

	memset(id, 'i', sizeof(id));
	id[length > 0 ? length : 1] = 0;
	command->part = PART_ENTER;
	command->id = id;
	command->key = (struct texts){key, take_byte() & 1 ? 2 : 1};
}

static void take_local(struct command *command)
{
	static const char *const key[] = {ID};
	char *at = text;

	command->id = ID;
	command->key = (struct texts){key, 1};
	command->words = (struct texts){words, take_byte() % WORDS_MAX};
	for (unsigned int i = 0; i < command->words.count; i++) {
		unsigned char length = take_byte();

		words[i] = at;
		at += fuzz_take(at, length);
		*at++ = 0;
	}
	/* Some of them are variables of --env as well. */
	command->variables = (struct texts){words, command->words.count > 2 ? command->words.count - 2 : 0};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct command command = {.root = "/root", .envp = environment};
	size_t tape = fuzz_tape_size(data, size);

	fuzz_tape(data + size - tape, tape > 0 ? tape - 1 : 0);
	command.part = take_byte() % PARTS;
	if (command.part < PART_STATE)
		take_run(&command);
	else
		take_local(&command);
	fuzz_file(data, size - tape);
	add_host_files(data, size - tape);
	if (setjmp(fuzz_exit) == 0)
		use(&command);
	return 0;
}

/* Places the parts one after the other, as far as there are bytes for them. */
static void fix_parts(struct plan_header *header, size_t length)
{
	uint32_t at = sizeof(*header);

	for (unsigned int i = 0; i < PARTS; i++) {
		struct part *part = &header->parts[i];

		if (part->size == 0 && i != PARTS - 1)
			continue;
		if (i == PART_GUARD && part->offset % 8 == 0 && part->offset > at && part->offset <= length)
			at = part->offset;
		part->offset = at;
		if (i == PARTS - 1 || part->size > length - at)
			part->size = (uint32_t)length - at;
		at = (at + part->size + 7) & ~7U;
	}
}

static void fix_text(uint8_t *data, size_t length, struct part *part)
{
	part->offset &= ~7U;
	if (part->offset < sizeof(struct plan_header) || part->offset >= length)
		part->offset = sizeof(struct plan_header);
	if (part->size == 0 || part->size > length - part->offset)
		part->size = 1;
	data[part->offset + part->size - 1] = 0;
}

static void fix_guard(uint8_t *data, size_t length, struct part part)
{
	for (uint32_t at = 0; at + sizeof(struct input) <= part.size; at += sizeof(struct input)) {
		struct input input;

		memcpy(&input, data + part.offset + at, sizeof(input));
		input.kind %= INPUT_TERMINAL + 1;
		if (input.kind <= INPUT_VARIABLE)
			fix_text(data, length, &input.about);
		else if (!fits(length, input.about) || input.about.offset % 8 != 0)
			input.about = (struct part){PLAN_SUMMED_FROM, 0};
		if (input.answer.offset != NO_ANSWER && !fits(length, input.answer))
			input.answer.size = 0;
		memcpy(data + part.offset + at, &input, sizeof(input));
	}
}

/* Fixes the places of holes in programs. */
static void fix_holes(uint8_t *data, size_t length, struct part part)
{
	for (uint32_t at = 0; at + sizeof(struct hole) <= part.size; at += sizeof(struct hole)) {
		struct hole hole;

		memcpy(&hole, data + part.offset + at, sizeof(hole));
		hole.kind %= HOLES;
		hole.at %= (uint32_t)length;
		memcpy(data + part.offset + at, &hole, sizeof(hole));
	}
}

static void fix_checksum(uint8_t *data, size_t length)
{
	uint32_t sum = length % 8 == 0 ? checksum(data + PLAN_SUMMED_FROM, length - PLAN_SUMMED_FROM) : 0;

	memcpy(data + offsetof(struct plan_header, checksum), &sum, sizeof(sum));
}

/* Changes only one part. */
static void change_part(uint8_t *data, size_t length, unsigned int index)
{
	struct plan_header header;
	struct part part;

	memcpy(&header, data, sizeof(header));
	part = header.parts[index];
	if (part.size == 0 || !fits(length, part))
		return;
	LLVMFuzzerMutate(data + part.offset, part.size, part.size);
	if (index >= PART_ENTER && index <= PART_EXEC)
		fuzz_fix_program(data + part.offset, part.size);
}

/* Fixes the key. */
static void fix_key(uint8_t *data, size_t length, struct plan_header *header)
{
	const char *key = header->parts[PART_ENTER].size > 0 ? BUNDLE : ID;
	struct part *part = &header->parts[PART_KEY];

	part->size = (uint32_t)strlen(key) + 1;
	if (part->size < length - sizeof(*header))
		memcpy(data + sizeof(*header), key, part->size);
}

/*
 * Fixes headers and places after a mutation, so that more inputs pass the checks. Every second
 * mutation changes only one part.
 */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned int seed)
{
	struct plan_header header;
	size_t tape;
	size_t length = size - fuzz_tape_size(data, size);

	if (length >= sizeof(header) && seed % 2 == 0) {
		change_part(data, length, seed / 2 % PARTS);
		fix_checksum(data, length);
		return size;
	}
	size = LLVMFuzzerMutate(data, size, limit);
	tape = fuzz_tape_size(data, size);
	length = (size - tape) & ~(size_t)7;
	if (length <= sizeof(header) || seed % 16 == 1)
		return size;
	memmove(data + length, data + size - tape, tape);
	memcpy(&header, data, sizeof(header));
	header.magic = PLAN_MAGIC;
	header.build = BUILD;
	header.size = (uint32_t)length;
	fix_key(data, length, &header);
	fix_parts(&header, length);
	memcpy(data, &header, sizeof(header));
	fix_guard(data, length, header.parts[PART_GUARD]);
	if (seed % 4 != 3)
		fix_holes(data, length, header.parts[PART_HOLES]);
	fix_checksum(data, length);
	return length + tape;
}
