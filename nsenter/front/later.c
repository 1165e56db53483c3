#include "later.h"

#include "checksum.h"
#include "files.h"
#include "guard.h"

#include <linux/fcntl.h>

#define FIRST_LATER PART_STATE
#define LAST_LATER PART_EXEC_TERMINAL

/* A file under construction. */
struct writing {
	unsigned char *data;
	size_t size;
	struct part parts[PARTS];
};

static struct part put(struct writing *writing, const void *bytes, size_t size)
{
	struct part part = {(uint32_t)writing->size, (uint32_t)size};

	copy(writing->data + writing->size, bytes, size);
	writing->size = (writing->size + size + 7) & ~(size_t)7;
	return part;
}

/* Adds the guard of such a file, which is the stamp of state.json. */
static long put_guard(struct writing *writing, const char *state)
{
	struct stamp stamp;
	struct input input = {.kind = INPUT_STAMP, .detail = 1};
	long result = stamp_take(state, 1, &stamp);

	if (result < 0)
		return result;
	input.about = put(writing, state, text_length(state) + 1);
	input.answer = put(writing, &stamp, sizeof(stamp));
	writing->parts[PART_GUARD] = put(writing, &input, sizeof(input));
	return 0;
}

/* Adds the holes that stay open. They keep their offsets from the beginning of their program. */
static void put_holes(struct writing *writing, const struct plan_file *later, uint32_t open)
{
	size_t size;
	const struct hole *holes = (const void *)plan_part(later, PART_HOLES, &size);
	size_t begin = writing->size;

	for (size_t i = 0; i < size / sizeof(*holes); i++) {
		struct hole *hole = (void *)(writing->data + writing->size);

		if (holes[i].kind >= HOLES || (open & (1U << holes[i].kind)) == 0)
			continue;
		for (unsigned int part = FIRST_LATER; part <= LAST_LATER; part++) {
			size_t length;
			const unsigned char *program = plan_part(later, part, &length);
			uint32_t offset = program ? (uint32_t)(program - later->file.data) : 0;

			if (!program || holes[i].at < offset || holes[i].at - offset >= length)
				continue;
			copy(hole, &holes[i], sizeof(*hole));
			hole->at = holes[i].at - offset + writing->parts[part].offset;
			writing->size += sizeof(*hole);
			break;
		}
	}
	writing->parts[PART_HOLES] = (struct part){(uint32_t)begin, (uint32_t)(writing->size - begin)};
	writing->size = (writing->size + 7) & ~(size_t)7;
}

static long write_file(const struct writing *writing, const struct plan_file *later, long directory)
{
	struct plan_header header;
	long fd;
	long result;

	zero(&header, sizeof(header));
	header.magic = PLAN_MAGIC;
	header.size = (uint32_t)writing->size;
	copy(&header.build, later->file.data + offsetof(struct plan_header, build), sizeof(header.build));
	copy(header.parts, writing->parts, sizeof(header.parts));
	copy(writing->data, &header, sizeof(header));
	header.checksum = checksum(writing->data + PLAN_SUMMED_FROM, writing->size - PLAN_SUMMED_FROM);
	copy(writing->data, &header, sizeof(header));
	fd = sys4(__NR_openat, directory, PLANS_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		  0600);
	if (fd < 0)
		return fd;
	result = file_write_all(fd, writing->data, writing->size);
	sys1(__NR_close, fd);
	return result;
}

long later_write(const struct plan_file *plan, const struct values *values, const char *state, long directory)
{
	struct values known;
	struct plan_file later;
	struct writing writing;
	const char *id = values->of[HOLE_ID].at[0];
	unsigned char *programs[PARTS];
	size_t sizes[PARTS];
	size_t most;
	long memory;
	long result;

	copy(&known, values, sizeof(known));
	copy(&later, plan, sizeof(later));
	zero(&writing, sizeof(writing));
	writing.size = sizeof(struct plan_header);
	later.file.data = plan_part(plan, PART_LATER, &later.file.size);
	if (!later.file.data)
		return 0;
	result = plan_check(&later);
	if (result < 0)
		return result;
	known.of[HOLE_ARGUMENT] = (struct texts){0, 0};
	known.open = 1U << HOLE_ARGUMENT | 1U << HOLE_PATH | 1U << HOLE_HOME | 1U << HOLE_UID |
		     1U << HOLE_GID;
	/* Where these are no holes of the run, the plans have them already. exec changes them nevertheless. */
	if (!known.of[HOLE_ENVIRONMENT].at)
		known.open |= 1U << HOLE_ENVIRONMENT;
	if (!known.of[HOLE_CWD].at)
		known.open |= 1U << HOLE_CWD;
	most = later.file.size + PATH_SIZE + sizeof(struct stamp) + sizeof(struct input) + ID_MAX + 64;
	for (unsigned int part = FIRST_LATER; part <= LAST_LATER; part++) {
		size_t before;

		programs[part] = 0;
		if (!plan_part(&later, part, &before))
			continue;
		programs[part] = holes_fill(&later, part, &known, &sizes[part]);
		if (!programs[part])
			return -EBADMSG;
		most += sizes[part] - before + 8;
	}
	memory = sys_memory(most);
	if (memory < 0)
		return memory;
	writing.data = (unsigned char *)(uintptr_t)memory;
	writing.parts[PART_KEY] = put(&writing, id, text_length(id) + 1);
	for (unsigned int part = FIRST_LATER; part <= LAST_LATER; part++)
		if (programs[part]) {
			writing.parts[part] = put(&writing, programs[part], sizes[part]);
			holes_forget(plan, programs[part], sizes[part]);
		}
	result = put_guard(&writing, state);
	if (result == 0) {
		put_holes(&writing, &later, known.open | 1U << HOLE_ENVIRONMENT | 1U << HOLE_CWD);
		result = write_file(&writing, &later, directory);
	}
	sys2(__NR_munmap, writing.data, most);
	return result;
}
