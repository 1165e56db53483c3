/*
 * Files of runs' plans: what the front makes of whatever comes. The input is the file and the tape, which begins with
 * the length of the container's id and whether --no-new-keyring is given.
 */
#include "../front/run.h"

#include "../front/handover.h"
#include "../front/checksum.h"
#include "../front/loader.h"
#include "../stage/spawn.h"
#include "../stage/supervise.h"
#include "input.h"
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#define BUNDLE "/bundle"
#define SOCKET 9
#define BUILD 1

struct behind behind_front = {.build = BUILD};

/* NAME is there, and no other variable. */
static const char *const environment[] = {"NAME=value", 0};

void handover_start(void)
{
}

long handover_take(int *socket)
{
	*socket = SOCKET;
	return fuzz_answer();
}

void supervise_process(struct machine *machine, const struct supervise_request *request,
		       unsigned char *program)
{
	struct program decoded;
	struct failure failure;

	/* The pointers of a program are not the front's own. */
	fuzz_all_own = 0;
	if (program_decode(&decoded, program, request->program) == 0) {
		program_relocate(&decoded);
		program_run(machine, &decoded, &failure);
	}
	longjmp(fuzz_exit, 1);
}

static void use(const struct command *command)
{
	static struct machine machine;
	struct cached cached;

	machine_clear(&machine);
	if (cached_open(&cached, command) < 0)
		return;
	fuzz_file(0, 0);
	fuzz_all_own = 1;
	cached_run(&machine, &cached, command);
	cached_close(&cached);
}

static int fits(size_t length, struct part part)
{
	return part.offset <= length && part.size <= length - part.offset;
}

/* The files of the host are as they were. */
static void add_host_files(const uint8_t *data, size_t length)
{
	struct cached_header header;
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char id[ID_MAX + 1];
	static struct command command = {.root = "/root", .bundle = BUNDLE, .id = id, .envp = environment};
	size_t tape = fuzz_tape_size(data, size);
	unsigned char answer = 0;

	fuzz_tape(data + size - tape, tape > 0 ? tape - 1 : 0);
	fuzz_take(&answer, 1);
	memset(id, 'i', sizeof(id));
	id[answer > 0 ? answer : 1] = 0;
	fuzz_take(&answer, 1);
	command.old_keyring = answer & 1;
	fuzz_file(data, size - tape);
	add_host_files(data, size - tape);
	if (setjmp(fuzz_exit) == 0)
		use(&command);
	return 0;
}

/* One after the other, with as much of each as there is. */
static void fix_parts(struct cached_header *header, size_t length)
{
	uint32_t at = sizeof(*header);

	for (unsigned int i = 0; i < PARTS; i++) {
		struct part *part = &header->parts[i];

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
	if (part->offset < sizeof(struct cached_header) || part->offset >= length)
		part->offset = sizeof(struct cached_header);
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
			input.about = (struct part){CACHED_SUMMED_FROM, 0};
		if (input.answer.offset != NO_ANSWER && !fits(length, input.answer))
			input.answer.size = 0;
		memcpy(data + part.offset + at, &input, sizeof(input));
	}
}

/* Places of ids, in the programs. */
static void fix_ids(uint8_t *data, const struct cached_header *header)
{
	uint32_t begin = header->parts[PART_ENTER].offset;
	uint32_t room = header->parts[PART_STATE].offset - begin;
	struct part ids = header->parts[PART_IDS];

	for (uint32_t at = 0; room > ID_MAX && at + sizeof(begin) <= ids.size; at += sizeof(begin)) {
		uint32_t place;

		memcpy(&place, data + ids.offset + at, sizeof(place));
		place = begin + (place - begin) % (room - ID_MAX);
		memcpy(data + ids.offset + at, &place, sizeof(place));
	}
}

static void fix_checksum(uint8_t *data, size_t length)
{
	uint32_t sum = length % 8 == 0 ? checksum(data + CACHED_SUMMED_FROM, length - CACHED_SUMMED_FROM) : 0;

	memcpy(data + offsetof(struct cached_header, checksum), &sum, sizeof(sum));
}

/* A change of one part alone. */
static void change_part(uint8_t *data, size_t length, unsigned int index)
{
	struct cached_header header;
	struct part part;

	memcpy(&header, data, sizeof(header));
	part = header.parts[index];
	if (part.size == 0 || !fits(length, part))
		return;
	LLVMFuzzerMutate(data + part.offset, part.size, part.size);
	if (index >= PART_ENTER && index <= PART_CLEANUP)
		fuzz_fix_program(data + part.offset, part.size);
}

/* What a change has broken that is not it is put right; one in two changes is one of a part alone. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned int seed)
{
	struct cached_header header;
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
	if (length < sizeof(header) || seed % 16 == 1)
		return size;
	memmove(data + length, data + size - tape, tape);
	memcpy(&header, data, sizeof(header));
	header.magic = CACHED_MAGIC;
	header.build = BUILD;
	header.size = (uint32_t)length;
	header.parts[PART_KEY].size = sizeof(BUNDLE);
	fix_parts(&header, length);
	memcpy(data, &header, sizeof(header));
	if (header.parts[PART_KEY].size == sizeof(BUNDLE))
		memcpy(data + header.parts[PART_KEY].offset, BUNDLE, sizeof(BUNDLE));
	fix_guard(data, length, header.parts[PART_GUARD]);
	if (seed % 4 != 3)
		fix_ids(data, &header);
	fix_checksum(data, length);
	return length + tape;
}
