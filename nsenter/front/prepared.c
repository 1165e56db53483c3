#include "prepared.h"

#include "stage.h"

#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/stat.h>

#define NAME "prepared"
#define OTHERS_WRITE 022

/* Whether it is the caller's and no one else could have written it. Returns its size, or -EPERM. */
static long own(long fd, uint32_t type)
{
	struct statx status;
	long result;

	zero(&status, sizeof(status));
	result = sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status);
	if (result < 0)
		return result;
	if ((status.stx_mode & S_IFMT) != type || (status.stx_mode & OTHERS_WRITE) != 0 ||
	    status.stx_uid != (uint32_t)sys0(__NR_geteuid) || status.stx_size > PREPARED_MAX)
		return -EPERM;
	return (long)status.stx_size;
}

static long read_all(long fd, struct prepared *prepared)
{
	size_t have = 0;
	long memory = sys6(__NR_mmap, 0, (long)prepared->size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory < 0)
		return memory;
	prepared->data = (unsigned char *)(uintptr_t)memory;
	while (have < prepared->size) {
		long n = sys3(__NR_read, fd, prepared->data + have, prepared->size - have);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? n : -EPROTO;
		have += (size_t)n;
	}
	return 0;
}

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
	const struct prepared_header *header = (const struct prepared_header *)(const void *)prepared->data;

	if (header->magic != PREPARED_MAGIC || header->stage != STAGE_ID || header->id[ID_MAX] != 0 ||
	    !text_equal(header->id, id) || !is_unchanged(prepared->directory, "state.json", &header->state))
		return -EPROTO;
	for (unsigned int i = 0; i < PREPARED_PROGRAMS; i++) {
		uint32_t offset = header->programs[i].offset;
		uint32_t size = header->programs[i].size;

		/* A program on the header could change where the next one is. */
		if (size > 0 && (offset % 8 != 0 || offset < sizeof(*header) || offset > prepared->size ||
				 size > prepared->size - offset))
			return -EBADMSG;
	}
	return 0;
}

static long open_and_read(struct prepared *prepared, const char *id)
{
	long result = own(prepared->directory, S_IFDIR);
	long fd;

	if (result < 0)
		return result;
	fd = sys4(__NR_openat, prepared->directory, NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	result = own(fd, S_IFREG);
	if (result >= 0 && result < (long)sizeof(struct prepared_header))
		result = -EPROTO;
	if (result >= 0) {
		prepared->size = (size_t)result;
		result = read_all(fd, prepared);
	}
	sys1(__NR_close, fd);
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
	prepared->data = 0;
	prepared->size = 0;
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
	if (prepared->data)
		sys2(__NR_munmap, prepared->data, prepared->size);
}

unsigned char *prepared_program(const struct prepared *prepared, enum prepared_index index, size_t *size)
{
	const struct prepared_header *header = (const struct prepared_header *)(const void *)prepared->data;

	*size = header->programs[index].size;
	return *size > 0 ? prepared->data + header->programs[index].offset : 0;
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
