#include "remembered.h"

#include "loader.h"
#include "terminal.h"

#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#define DIRECTORY "@run"

static const struct remembered_header *header_of(const struct remembered *remembered)
{
	return (const struct remembered_header *)(const void *)remembered->file.data;
}

static int fits(const struct remembered *remembered, struct part part)
{
	return part.offset % 8 == 0 && part.offset >= sizeof(struct remembered_header) &&
	       part.offset <= remembered->file.size && part.size <= remembered->file.size - part.offset;
}

/* Whether a part is a text with a NUL at its end. */
static int is_text(const struct remembered *remembered, struct part part)
{
	return fits(remembered, part) && part.size > 0 &&
	       remembered->file.data[part.offset + part.size - 1] == 0;
}

unsigned char *remembered_part(const struct remembered *remembered, enum remembered_part index, size_t *size)
{
	struct part part = header_of(remembered)->parts[index];

	*size = part.size;
	return part.size > 0 ? remembered->file.data + part.offset : 0;
}

/* They are in programs: anywhere else an id could change what has been checked. */
static int check_ids(const struct remembered *remembered)
{
	uint32_t begin = header_of(remembered)->parts[PART_ENTER].offset;
	uint32_t end = header_of(remembered)->parts[PART_STATE].offset;
	size_t size;
	const uint32_t *at = (const void *)remembered_part(remembered, PART_IDS, &size);

	for (size_t i = 0; at && i < size / sizeof(*at); i++)
		if (at[i] < begin || at[i] > end || ID_MAX + 1 > end - at[i])
			return 0;
	return 1;
}

static int check_witnesses(const struct remembered *remembered)
{
	size_t size;
	const struct witness *witness = (const void *)remembered_part(remembered, PART_WITNESSES, &size);

	for (size_t n = size / sizeof(*witness); witness && n > 0; n--, witness++)
		if (!is_text(remembered, witness->path) ||
		    (witness->content.offset != NOT_THERE && !fits(remembered, witness->content)))
			return 0;
	return 1;
}

/* They stand one after the other, with what the witnesses are about before these. */
static int check_parts(const struct remembered *remembered)
{
	uint64_t end = sizeof(struct remembered_header);

	for (unsigned int i = 0; i < REMEMBERED_PARTS; i++) {
		struct part part = header_of(remembered)->parts[i];

		if (!fits(remembered, part) || part.offset < end ||
		    (part.offset > end && i != PART_WITNESSES))
			return 0;
		end = ((uint64_t)part.offset + part.size + 7) & ~7ULL;
	}
	return end == remembered->file.size;
}

static long check_file(const struct remembered *remembered)
{
	const struct remembered_header *header = header_of(remembered);

	if (header->magic != REMEMBERED_MAGIC || header->build != behind_front.build)
		return -EPROTO;
	return check_parts(remembered) && check_ids(remembered) && check_witnesses(remembered) ? 0 : -EBADMSG;
}

/* Which of stdin, stdout and stderr may be given to the container's user: as ownStdio() of src/container/facts.ts. */
static uint32_t own_stdio(void)
{
	uint32_t own = 0;

	for (unsigned int fd = 0; fd < 3; fd++) {
		struct statx status;
		uint32_t type;

		zero(&status, sizeof(status));
		if (sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &status) < 0)
			continue;
		type = status.stx_mode & S_IFMT;
		if (type == S_IFIFO || type == S_IFSOCK ||
		    (type == S_IFREG && (sys3(__NR_fcntl, fd, F_GETFL, 0) & O_ACCMODE) != O_RDONLY))
			own |= 1U << fd;
	}
	return own;
}

/* An ordinary user of the host: for others brun decides by what they may do. */
static int is_ordinary(void)
{
	struct __user_cap_header_struct version = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	zero(data, sizeof(data));
	return sys0(__NR_geteuid) != 0 && in_first_user_namespace() &&
	       sys2(__NR_capget, &version, data) == 0 && data[0].effective == 0 && data[1].effective == 0;
}

static int is_same_caller(const struct remembered *remembered)
{
	const struct remembered_header *header = header_of(remembered);

	if (header->terminal != TERMINAL_NONE &&
	    (header->terminal == TERMINAL_WITH_HOST) != (host_terminal() >= 0))
		return 0;
	return header->gid == (uint32_t)sys0(__NR_getegid) &&
	       (header->stdio == STDIO_ANY || header->stdio == own_stdio());
}

static int is_same_command(const struct remembered *remembered, const struct command *command)
{
	size_t size;
	const char *path = (const void *)remembered_part(remembered, PART_BUNDLE, &size);

	return path && is_text(remembered, header_of(remembered)->parts[PART_BUNDLE]) &&
	       text_equal(path, command->bundle) &&
	       header_of(remembered)->old_keyring == command->old_keyring;
}

static int is_as_it_was(const struct remembered *remembered, const struct witness *witness)
{
	const char *path = (const void *)(remembered->file.data + witness->path.offset);
	struct statx status;

	if (witness->content.offset == NOT_THERE)
		return sys5(__NR_statx, AT_FDCWD, path, 0, STATX_TYPE, &status) == -ENOENT;
	return file_holds(path, remembered->file.data + witness->content.offset, witness->content.size);
}

static int are_as_they_were(const struct remembered *remembered)
{
	size_t size;
	const struct witness *witness = (const void *)remembered_part(remembered, PART_WITNESSES, &size);

	for (size_t n = size / sizeof(*witness); witness && n > 0; n--, witness++)
		if (!is_as_it_was(remembered, witness))
			return 0;
	return 1;
}

static int guard_agrees(const struct remembered *remembered, struct machine *machine)
{
	struct program program;
	struct failure failure;
	size_t size;
	unsigned char *data = remembered_part(remembered, PART_GUARD, &size);

	if (!data)
		return 1;
	if (program_decode(&program, data, size) < 0)
		return 0;
	program_relocate(&program);
	return program_run(machine, &program, &failure) == 0;
}

/* FNV-1a. */
static uint32_t hash(const char *text)
{
	uint32_t value = 2166136261U;

	for (; *text != 0; text++)
		value = (value ^ (unsigned char)*text) * 16777619U;
	return value;
}

static long read_file(struct remembered *remembered, const char *bundle)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t slot = hash(bundle) % REMEMBERED_SLOTS;
	char name[3] = {digits[slot / 16], digits[slot % 16], 0};
	long directory = sys4(__NR_openat, remembered->root, DIRECTORY,
			      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	long result;

	if (directory < 0)
		return directory;
	result = file_own(directory, S_IFDIR, REMEMBERED_MAX);
	if (result >= 0)
		result = file_read_own(directory, name, sizeof(struct remembered_header), REMEMBERED_MAX,
				       &remembered->file);
	sys1(__NR_close, directory);
	return result;
}

long remembered_open(struct remembered *remembered, const struct command *command, struct machine *machine)
{
	long result;

	if (!is_ordinary())
		return -EPERM;
	remembered->file.data = 0;
	remembered->root = sys4(__NR_openat, AT_FDCWD, command->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (remembered->root < 0)
		return remembered->root;
	result = read_file(remembered, command->bundle);
	if (result == 0)
		result = check_file(remembered);
	if (result == 0 && !(is_same_command(remembered, command) && is_same_caller(remembered) &&
			     are_as_they_were(remembered) && guard_agrees(remembered, machine)))
		result = -ESTALE;
	if (result < 0)
		remembered_close(remembered);
	return result;
}

void remembered_close(const struct remembered *remembered)
{
	sys1(__NR_close, remembered->root);
	if (remembered->file.data)
		file_forget(&remembered->file);
}
