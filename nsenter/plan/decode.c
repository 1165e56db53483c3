/* Decodes programs: checks everything that an index or offset could reach before anything runs. */
#include "program.h"

#include "../stage/spawn.h"

static unsigned int arg_type(const struct op *op, unsigned int i)
{
	return (op->types >> (2 * i)) & 3U;
}

/* Slots are checked together, by the last of them. */
static void note_slot(uint64_t slot, struct program *program)
{
	if (slot > program->last_slot)
		program->last_slot = slot;
}

static void note_slots(const struct op *op, struct program *program)
{
	for (unsigned int i = 0; i < ARRAY_LENGTH(op->closes); i++)
		if (op->closes[i] != NO_SLOT)
			note_slot(op->closes[i], program);
	if (op->out != NO_SLOT)
		note_slot(op->out, program);
}

static long check_args(const struct op *op, struct program *program)
{
	for (unsigned int i = 0; i < ARRAY_LENGTH(op->args); i++) {
		unsigned int type = arg_type(op, i);

		if (type == ARG_BLOB && op->args[i] >= program->blob_size)
			return -EBADMSG;
		if (type == ARG_STRING && op->args[i] >= program->blob_size - program->strings)
			return -EBADMSG;
		if (type == ARG_SLOT)
			note_slot(op->args[i], program);
	}
	return 0;
}

/* All bytes of the operand at args[0] must be before the strings. Otherwise a write could overwrite their NULs. */
static long check_operand(const struct op *op, const struct program *program, uint64_t width)
{
	if (arg_type(op, 0) != ARG_BLOB || width > program->strings || op->args[0] > program->strings - width)
		return -EBADMSG;
	return 0;
}

static long check_op(const struct op *op, uint32_t index, struct program *program)
{
	uint64_t strings = program->blob_size - program->strings;
	uint64_t width;

	if (op->kind >= OP_KINDS)
		return -EBADMSG;
	if (op->on_success <= index || op->on_success > program->op_count)
		return -EBADMSG;
	if (op->on_handled <= index || op->on_handled > program->op_count)
		return -EBADMSG;
	switch (op->kind) {
	case OP_CHECK:
		width = op->args[1];
		if (arg_type(op, 1) != ARG_IMMEDIATE)
			return -EBADMSG;
		if (width != 1 && width != 2 && width != 4 && width != 8)
			return -EBADMSG;
		if (check_operand(op, program, width) < 0)
			return -EBADMSG;
		break;
	case OP_POKE:
		width = op->args[2];
		if (arg_type(op, 2) != ARG_IMMEDIATE)
			return -EBADMSG;
		if (width != 0 && width != 4 && width != 8 && width != FD_WIDTH)
			return -EBADMSG;
		/* -9223372036854775808 and its NUL take 21 bytes. */
		if (check_operand(op, program, width == 0 ? 21 : width) < 0)
			return -EBADMSG;
		break;
	case OP_MODE:
		if (check_operand(op, program, MODE_DIGITS) < 0)
			return -EBADMSG;
		break;
	case OP_HOME:
		if (check_operand(op, program, HOME_SIZE) < 0 || arg_type(op, 2) != ARG_STRING)
			return -EBADMSG;
		break;
	case OP_SPAWN:
		if (check_operand(op, program, sizeof(struct spawn_request)) < 0 || op->args[0] % 8 != 0)
			return -EBADMSG;
		break;
	case OP_BITS:
		if (arg_type(op, 1) != ARG_IMMEDIATE || (op->args[1] & ~(uint64_t)BITS_INVERTED) < 2 ||
		    (op->args[1] & ~(uint64_t)BITS_INVERTED) >= ARRAY_LENGTH(op->args))
			return -EBADMSG;
		break;
	case OP_TARGET:
		/* The path is read up to its NUL, which only strings are certain to have. */
		if (arg_type(op, 1) != ARG_STRING)
			return -EBADMSG;
		break;
	case OP_WRITE:
		/* A whole text is a string, so it ends at the last string's NUL at the latest. */
		if (arg_type(op, 2) != ARG_IMMEDIATE ||
		    (arg_type(op, 1) != ARG_STRING && arg_type(op, 1) != ARG_BLOB))
			return -EBADMSG;
		width = arg_type(op, 1) == ARG_STRING ? strings : program->blob_size;
		if (op->args[2] == WHOLE_TEXT ? arg_type(op, 1) != ARG_STRING
					      : op->args[1] > width || op->args[2] > width - op->args[1])
			return -EBADMSG;
		break;
	case OP_COPY:
		if (arg_type(op, 2) != ARG_IMMEDIATE ||
		    (op->args[2] == COPY_FILE && arg_type(op, 3) != ARG_STRING))
			return -EBADMSG;
		break;
	case OP_FIND:
	case OP_EXECUTE:
		if (arg_type(op, 0) != ARG_STRING || arg_type(op, 1) != ARG_STRING)
			return -EBADMSG;
		break;
	default:
		break;
	}
	note_slots(op, program);
	return check_args(op, program);
}

uint64_t relocation_target(const struct program *program, const struct relocation *relocation)
{
	if (relocation->target & RELOCATE_BLOB)
		return relocation->target & ~RELOCATE_BLOB;
	return (uint64_t)program->strings + relocation->target;
}

long program_decode(struct program *program, unsigned char *data, size_t size)
{
	const struct program_header *header = (const struct program_header *)(const void *)data;
	uint64_t ops_size;
	uint64_t relocations_size;

	if (size < sizeof(*header) || header->magic != PROGRAM_MAGIC)
		return -EPROTO;
	ops_size = (uint64_t)header->ops * sizeof(struct op);
	relocations_size = (uint64_t)header->relocations * sizeof(struct relocation);
	if (sizeof(*header) + ops_size + relocations_size + header->blob != size)
		return -EBADMSG;
	program->ops = (const struct op *)(const void *)(data + sizeof(*header));
	program->relocations = (const struct relocation *)(const void *)(data + sizeof(*header) + ops_size);
	program->blob = data + sizeof(*header) + ops_size + relocations_size;
	program->op_count = header->ops;
	program->relocation_count = header->relocations;
	program->blob_size = header->blob;
	program->strings = header->strings;
	program->last_slot = 0;
	/* The last string, if any, must end within the blob. */
	if (header->strings > header->blob || header->once > header->ops ||
	    (header->blob > header->strings && program->blob[header->blob - 1] != 0))
		return -EBADMSG;

	for (uint32_t i = 0; i < program->relocation_count; i++) {
		const struct relocation *r = &program->relocations[i];

		if (program->strings < 8 || r->at > program->strings - 8 || r->at % 8 != 0 ||
		    relocation_target(program, r) >= program->blob_size)
			return -EBADMSG;
	}
	for (uint32_t i = 0; i < program->op_count; i++) {
		long result = check_op(&program->ops[i], i, program);

		if (result < 0)
			return result;
	}
	return program->last_slot < PROGRAM_SLOTS ? 0 : -EBADMSG;
}

void program_relocate(const struct program *program)
{
	for (uint32_t i = 0; i < program->relocation_count; i++) {
		const struct relocation *r = &program->relocations[i];
		uint64_t pointer = (uint64_t)(uintptr_t)(program->blob + relocation_target(program, r));

		copy(program->blob + r->at, &pointer, sizeof(pointer));
	}
}
