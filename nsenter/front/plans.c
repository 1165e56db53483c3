#include "plans.h"

#include "../plan/local.h"
#include "handover.h"
#include "stage.h"

#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/stat.h>

static int is_unchanged(long directory, const char *name, const struct file_stamp *before)
{
	struct statx now;

	zero(&now, sizeof(now));
	return sys5(__NR_statx, directory, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &now) == 0 &&
	       now.stx_ino == before->inode && now.stx_size == before->size &&
	       now.stx_ctime.tv_sec == before->seconds && now.stx_ctime.tv_nsec == before->nanoseconds;
}

static long check_header(const struct plans *plans, const char *id)
{
	const struct local_header *header = (const struct local_header *)(const void *)plans->file.data;

	if (header->magic != LOCAL_MAGIC || header->stage != STAGE_ID || header->id[ID_MAX] != 0 ||
	    !text_equal(header->id, id) || !is_unchanged(plans->directory, STATE_FILE, &header->state))
		return -EPROTO;
	for (unsigned int i = 0; i < LOCAL_PLANS; i++) {
		uint32_t offset = header->plans[i].part.offset;
		uint32_t size = header->plans[i].part.size;

		/* A program on the header could change where the next one is. */
		if (size > 0 && (offset % 8 != 0 || offset < sizeof(*header) || offset > plans->file.size ||
				 size > plans->file.size - offset))
			return -EBADMSG;
	}
	return 0;
}

static long open_and_read(struct plans *plans, const char *id)
{
	long result = file_own(plans->directory, S_IFDIR, LOCAL_MAX);

	if (result >= 0)
		result = file_read_own(plans->directory, PLANS_FILE, sizeof(struct local_header), LOCAL_MAX,
				       &plans->file);
	return result < 0 ? result : check_header(plans, id);
}

long plans_open(struct plans *plans, const struct command *command)
{
	char path[PATH_SIZE];
	long length = path_append(path, 0, command->root, text_length(command->root));
	long result;

	length = path_append(path, length, "/", 1);
	length = path_append(path, length, command->id, text_length(command->id));
	if (length < 0)
		return length;
	plans->file.data = 0;
	plans->directory = sys4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
				0);
	if (plans->directory < 0)
		return plans->directory;
	result = open_and_read(plans, command->id);
	if (result < 0)
		plans_close(plans);
	return result;
}

void plans_close(const struct plans *plans)
{
	sys1(__NR_close, plans->directory);
	if (plans->file.data)
		file_forget(&plans->file);
}

unsigned char *plans_get(const struct plans *plans, enum local_index index, size_t *size)
{
	const struct local_header *header = (const struct local_header *)(const void *)plans->file.data;

	*size = header->plans[index].part.size;
	return *size > 0 ? plans->file.data + header->plans[index].part.offset : 0;
}

long plans_run(struct machine *machine, const struct plans *plans, enum local_index index)
{
	const struct local_header *header = (const struct local_header *)(const void *)plans->file.data;
	struct failure failure;
	size_t size;
	unsigned char *data = plans_get(plans, index, &size);
	uint32_t once = header->plans[index].once;
	long result = data ? local_run(machine, data, size, &failure) : -ENOENT;

	if (data && result < 0 && failure.op >= once && failure.op != UINT32_MAX)
		handover_leave(&failure, machine->slots[SLOT_KEPT], plans->directory);
	return result;
}
