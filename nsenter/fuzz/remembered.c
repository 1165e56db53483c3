/*
 * Files of remembered runs: what the front makes of whatever comes. The input is the file and the tape, which begins with
 * the length of the container's id and whether --no-new-keyring is given.
 */
#include "../front/run.h"

#include "../front/ahead.h"
#include "../front/loader.h"
#include "../spawn.h"
#include "../supervise.h"
#include "input.h"
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#define BUNDLE "/bundle"
#define SOCKET 9
#define BUILD 1

struct behind behind_front = {.build = BUILD};

int __real_program_run(struct machine *machine, const struct program *program, struct failure *failure);
int __wrap_program_run(struct machine *machine, const struct program *program, struct failure *failure);

/* The pointers of a program are not the front's own. */
int __wrap_program_run(struct machine *machine, const struct program *program, struct failure *failure)
{
	fuzz_file(0, 0);
	fuzz_all_own = 0;
	return __real_program_run(machine, program, failure);
}

void ahead_start(void)
{
}

long ahead_take(int *socket)
{
	*socket = SOCKET;
	return fuzz_answer();
}

void supervise_process(struct machine *machine, const struct supervise_request *request,
		       unsigned char *program)
{
	struct program decoded;
	struct failure failure;

	if (program_decode(&decoded, program, request->program) == 0) {
		program_relocate(&decoded);
		program_run(machine, &decoded, &failure);
	}
	longjmp(fuzz_exit, 1);
}

static void use(const struct command *command)
{
	static struct machine machine;
	struct remembered remembered;

	machine_clear(&machine);
	if (remembered_open(&remembered, command, &machine) < 0)
		return;
	fuzz_file(0, 0);
	fuzz_all_own = 1;
	remembered_run(&machine, &remembered, command);
	remembered_close(&remembered);
}

static int fits(size_t length, struct part part)
{
	return part.offset <= length && part.size <= length - part.offset;
}

/* The files of the host are as they were. */
static void add_host_files(const uint8_t *data, size_t length)
{
	struct remembered_header header;
	struct part part;

	if (length < sizeof(header))
		return;
	memcpy(&header, data, sizeof(header));
	part = header.parts[PART_WITNESSES];
	if (!fits(length, part))
		return;
	for (uint32_t at = 0; at + sizeof(struct witness) <= part.size; at += sizeof(struct witness)) {
		struct witness witness;

		memcpy(&witness, data + part.offset + at, sizeof(witness));
		if (fits(length, witness.content))
			fuzz_host_file(data + witness.content.offset, witness.content.size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char id[ID_MAX + 1];
	static struct command command = {.root = "/root", .bundle = BUNDLE, .id = id};
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
static void fix_parts(struct remembered_header *header, size_t length)
{
	uint32_t at = sizeof(*header);

	for (unsigned int i = 0; i < REMEMBERED_PARTS; i++) {
		struct part *part = &header->parts[i];

		if (i == PART_WITNESSES && part->offset % 8 == 0 && part->offset > at &&
		    part->offset <= length)
			at = part->offset;
		part->offset = at;
		if (i == REMEMBERED_PARTS - 1 || part->size > length - at)
			part->size = (uint32_t)length - at;
		at = (at + part->size + 7) & ~7U;
	}
}

static void fix_text(uint8_t *data, size_t length, struct part *part)
{
	part->offset &= ~7U;
	if (part->offset < sizeof(struct remembered_header) || part->offset >= length)
		part->offset = sizeof(struct remembered_header);
	if (part->size == 0 || part->size > length - part->offset)
		part->size = 1;
	data[part->offset + part->size - 1] = 0;
}

static void fix_witnesses(uint8_t *data, size_t length, struct part part)
{
	for (uint32_t at = 0; at + sizeof(struct witness) <= part.size; at += sizeof(struct witness)) {
		struct witness witness;

		memcpy(&witness, data + part.offset + at, sizeof(witness));
		fix_text(data, length, &witness.path);
		if (witness.content.offset != NOT_THERE && !fits(length, witness.content))
			witness.content.size = 0;
		memcpy(data + part.offset + at, &witness, sizeof(witness));
	}
}

/* Places of ids, in the programs. */
static void fix_ids(uint8_t *data, const struct remembered_header *header)
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

/* A change of one part alone. */
static void change_part(uint8_t *data, size_t length, unsigned int index)
{
	struct remembered_header header;
	struct part part;

	memcpy(&header, data, sizeof(header));
	part = header.parts[index];
	if (part.size == 0 || !fits(length, part))
		return;
	LLVMFuzzerMutate(data + part.offset, part.size, part.size);
	if (index >= PART_GUARD && index <= PART_CLEANUP)
		fuzz_fix_program(data + part.offset, part.size);
}

/* What a change has broken that is not it is put right; one in two changes is one of a part alone. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned int seed)
{
	struct remembered_header header;
	size_t tape;
	size_t length = size - fuzz_tape_size(data, size);

	if (length >= sizeof(header) && seed % 2 == 0) {
		change_part(data, length, seed / 2 % REMEMBERED_PARTS);
		return size;
	}
	size = LLVMFuzzerMutate(data, size, limit);
	tape = fuzz_tape_size(data, size);
	length = (size - tape) & ~(size_t)7;
	if (length < sizeof(header) || seed % 16 == 1)
		return size;
	memmove(data + length, data + size - tape, tape);
	memcpy(&header, data, sizeof(header));
	header.magic = REMEMBERED_MAGIC;
	header.build = BUILD;
	header.gid = 0;
	header.stdio = STDIO_ANY;
	header.old_keyring &= 1;
	header.terminal %= TERMINAL_WITH_HOST + 1;
	header.parts[PART_BUNDLE].size = sizeof(BUNDLE);
	fix_parts(&header, length);
	memcpy(data, &header, sizeof(header));
	if (header.parts[PART_BUNDLE].size == sizeof(BUNDLE))
		memcpy(data + header.parts[PART_BUNDLE].offset, BUNDLE, sizeof(BUNDLE));
	fix_witnesses(data, length, header.parts[PART_WITNESSES]);
	if (seed % 4 != 3)
		fix_ids(data, &header);
	return length + tape;
}
