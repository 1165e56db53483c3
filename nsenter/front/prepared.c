#include "prepared.h"

#include "stage.h"

#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/stat.h>

#define NAME "prepared"

static int is_unchanged(long directory, const char *name, const struct telltale *before)
{
	struct statx now;

	zero(&now, sizeof(now));
	return sys5(__NR_statx, directory, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &now) == 0 &&
	       now.stx_ino == before->inode && now.stx_size == before->size &&
	       now.stx_ctime.tv_sec == before->seconds && now.stx_ctime.tv_nsec == before->nanoseconds;
}

static long check_header(const struct prepared *prepared, const char *id)
{
	const struct prepared_header *header = (const struct prepared_header *)(const void *)
						   prepared->file.data;

	if (header->magic != PREPARED_MAGIC || header->stage != STAGE_ID || header->id[ID_MAX] != 0 ||
	    !text_equal(header->id, id) || !is_unchanged(prepared->directory, "state.json", &header->state))
		return -EPROTO;
	for (unsigned int i = 0; i < PREPARED_PROGRAMS; i++) {
		uint32_t offset = header->programs[i].offset;
		uint32_t size = header->programs[i].size;

		/* A program on the header could change where the next one is. */
		if (size > 0 && (offset % 8 != 0 || offset < sizeof(*header) ||
				 offset > prepared->file.size || size > prepared->file.size - offset))
			return -EBADMSG;
	}
	return 0;
}

static long open_and_read(struct prepared *prepared, const char *id)
{
	long result = file_own(prepared->directory, S_IFDIR, PREPARED_MAX);

	if (result >= 0)
		result = file_read_own(prepared->directory, NAME, sizeof(struct prepared_header),
				       PREPARED_MAX, &prepared->file);
	return result < 0 ? result : check_header(prepared, id);
}

long prepared_open(struct prepared *prepared, const struct command *command)
{
	char path[PATH_SIZE];
	long length = path_append(path, 0, command->root, text_length(command->root));
	long result;

	length = path_append(path, length, "/", 1);
	length = path_append(path, length, command->id, text_length(command->id));
	if (length < 0)
		return length;
	prepared->file.data = 0;
	prepared->directory = sys4(__NR_openat, AT_FDCWD, path,
				   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (prepared->directory < 0)
		return prepared->directory;
	result = open_and_read(prepared, command->id);
	if (result < 0)
		prepared_close(prepared);
	return result;
}

void prepared_close(const struct prepared *prepared)
{
	sys1(__NR_close, prepared->directory);
	if (prepared->file.data)
		file_forget(&prepared->file);
}

unsigned char *prepared_program(const struct prepared *prepared, enum prepared_index index, size_t *size)
{
	const struct prepared_header *header = (const struct prepared_header *)(const void *)
						   prepared->file.data;

	*size = header->programs[index].size;
	return *size > 0 ? prepared->file.data + header->programs[index].offset : 0;
}

long prepared_run(struct machine *machine, const struct prepared *prepared, enum prepared_index index)
{
	struct program program;
	struct failure failure;
	size_t size;
	unsigned char *data = prepared_program(prepared, index, &size);
	long result;

	if (!data)
		return -ENOENT;
	result = program_decode(&program, data, size);
	if (result < 0)
		return result;
	program_relocate(&program);
	return program_run(machine, &program, &failure) < 0 ? -failure.error : 0;
}
