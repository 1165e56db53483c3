#include "kernel.h"

#include "../plan/copy.h"
#include "../stage/message.h"
#include "../stage/spawn.h"

#include <linux/fcntl.h>
#include <linux/stat.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A tape is finite, and so is every loop of the stage, except for EINTR. */
#define CALLS_MAX 100000
#define STACK_MAX 1000000
#define MAPPINGS 8
#define MAPPING_MAX (4 << 20)

/* Descriptors while there is a file. From FILE_FD on they are positions in files. */
#define DIRECTORY_FD 3
#define FILE_FD 4
#define FILES 8
#define USER 1000
#define USER_NAMESPACE "user:[4026531837]"

struct file {
	const unsigned char *data;
	size_t size;
	size_t read;
};

jmp_buf fuzz_exit;
int fuzz_all_own;

static const unsigned char *next;
static size_t left;
static unsigned int calls;
static struct file files[FILES]; /* the first one is in a directory */
static unsigned int file_count;
static unsigned int files_opened;
static void *mappings[MAPPINGS];

void fuzz_tape(const unsigned char *tape, size_t size)
{
	next = tape;
	left = size;
	calls = 0;
	fuzz_all_own = 0;
	for (unsigned int i = 0; i < MAPPINGS; i++) {
		free(mappings[i]);
		mappings[i] = 0;
	}
}

static void add_file(const unsigned char *data, size_t size)
{
	if (file_count < FILES)
		files[file_count++] = (struct file){data, size, 0};
}

void fuzz_file(const unsigned char *data, size_t size)
{
	file_count = 0;
	files_opened = 1;
	if (data)
		add_file(data, size);
}

void fuzz_host_file(const unsigned char *data, size_t size)
{
	add_file(data, size);
}

size_t fuzz_take(void *to, size_t size)
{
	if (size > left)
		size = left;
	if (size > 0)
		memcpy(to, next, size);
	next += size;
	left -= size;
	return size;
}

long fuzz_answer(void)
{
	static const short errors[] = {ENOENT, EEXIST, EINVAL, EPERM,  EACCES, ENOTDIR,
				       ELOOP,  EBUSY,  ENOSYS, EAGAIN, EINTR,  ENOMEM};
	unsigned char byte = 0;

	fuzz_take(&byte, 1);
	if (byte < 128)
		return byte;
	return -errors[(size_t)byte % ARRAY_LENGTH(errors)];
}

/*
 * Whether a buffer is on the stack, where the stage's own are. The real kernel would check other
 * addresses, which programs contain. The comparison is hidden from the fuzzer, since it would put
 * addresses of the stack into programs.
 */
__attribute__((noinline, no_sanitize("coverage"))) static int is_own(long buffer)
{
	unsigned char here;

	return fuzz_all_own || (uintptr_t)buffer - (uintptr_t)&here <= STACK_MAX;
}

/* Fills a buffer that the real kernel would write to. All of it is touched, so that its size is checked. */
static long fill(long buffer, long size)
{
	unsigned char length = 0;
	size_t wanted;

	if (size <= 0 || !is_own(buffer))
		return -EFAULT;
	fuzz_take(&length, 1);
	wanted = length == 255 ? (size_t)size : (size_t)length;
	memset((void *)buffer, 'x', (size_t)size);
	return (long)fuzz_take((void *)buffer, wanted < (size_t)size ? wanted : (size_t)size);
}

/* Lists a directory with as many entries as the tape has names for (getdents64(2)). */
static long fill_directory(long buffer, long size)
{
	struct {
		uint64_t inode;
		int64_t next;
		uint16_t length;
		uint8_t type;
		char name[13];
	} entry = {1, 1, sizeof(entry), 4, ""};

	if (size < (long)sizeof(entry) || !is_own(buffer) ||
	    fuzz_take(entry.name, sizeof(entry.name) - 1) == 0)
		return 0;
	memcpy((void *)buffer, &entry, sizeof(entry));
	return sizeof(entry);
}

/* Reads a buffer as the real kernel would, so that its size is checked. */
static void touch(long buffer, long size)
{
	const volatile unsigned char *byte = (const volatile unsigned char *)buffer;

	for (long i = 0; is_own(buffer) && i < size; i++)
		(void)byte[i];
}

/* Allocates the exact size, so that an access beyond it is noticed. */
static long map(long size)
{
	for (unsigned int i = 0; size > 0 && size <= MAPPING_MAX && i < MAPPINGS; i++)
		if (!mappings[i]) {
			mappings[i] = calloc(1, (size_t)size);
			return (long)mappings[i];
		}
	return -ENOMEM;
}

static long unmap(long at)
{
	for (unsigned int i = 0; i < MAPPINGS; i++)
		if (mappings[i] && (long)mappings[i] == at) {
			free(mappings[i]);
			mappings[i] = 0;
			return 0;
		}
	return -EINVAL;
}

static long open_file(const char *path, long flags)
{
	long answer = fuzz_answer();

	if (answer < 0)
		return answer;
	if (flags & O_DIRECTORY)
		return DIRECTORY_FD;
	if (*path != '/')
		return FILE_FD;
	return files_opened < file_count ? FILE_FD + (long)files_opened++ : -ENOENT;
}

/* Reads as much as the tape says, or all. */
static long read_file(long fd, unsigned char *buffer, size_t size)
{
	struct file *file = &files[fd - FILE_FD];
	unsigned char length = 0;

	fuzz_take(&length, 1);
	if (size > file->size - file->read)
		size = file->size - file->read;
	if (length > 0 && length < size)
		size = length;
	memcpy(buffer, file->data + file->read, size);
	file->read += size;
	return (long)size;
}

/* Answers as for the right file, with a bit changed if the tape says so. */
static long stat_file(long fd, const char *name, struct statx *status)
{
	unsigned char change[2] = {0, 0};

	memset(status, 0, sizeof(*status));
	if (*name == '/') {
		long answer = fuzz_answer();

		status->stx_mode = S_IFREG;
		return answer < 0 ? answer : 0;
	}
	status->stx_uid = USER;
	status->stx_size = files[0].size;
	status->stx_mode = fd == DIRECTORY_FD && *name == 0 ? S_IFDIR | S_IRWXU : S_IFREG | S_IRUSR | S_IWUSR;
	fuzz_take(change, sizeof(change));
	((unsigned char *)status)[change[0]] ^= change[1];
	return 0;
}

static long read_user_namespace(char *buffer, size_t size)
{
	if (size > sizeof(USER_NAMESPACE) - 1)
		size = sizeof(USER_NAMESPACE) - 1;
	memcpy(buffer, USER_NAMESPACE, size);
	return (long)size;
}

/* Calls on the files, while there are some. */
static long file_call(long nr, long a, long b, long c, long d, long e)
{
	switch (nr) {
	case __NR_geteuid:
		return USER;
	case __NR_openat:
		return open_file((const char *)b, c);
	case __NR_read:
		return a < FILE_FD ? 0 : read_file(a, (unsigned char *)b, (size_t)c);
	case __NR_statx:
		return stat_file(a, (const char *)b, (struct statx *)e);
	case __NR_readlinkat:
		return read_user_namespace((char *)c, (size_t)d);
	default:
		return 0;
	}
}

static long receive_message(struct user_msghdr *message)
{
	static const struct fd_control with_fd = {FD_CONTROL_LENGTH, SOL_SOCKET, SCM_RIGHTS, 9, 0};
	unsigned char has_fd = 0;
	long n;

	if (!is_own((long)message))
		return fuzz_answer();
	n = fill((long)message->iov->iov_base, (long)message->iov->iov_len);
	fuzz_take(&has_fd, 1);
	if (has_fd & 1)
		memcpy(message->control, &with_fd, message->control_length);
	return n;
}

static void send_message(const struct user_msghdr *message)
{
	for (size_t i = 0; is_own((long)message) && i < message->iov_length; i++)
		touch((long)message->iov[i].iov_base, (long)message->iov[i].iov_len);
}

/* Accepts all bytes, unless the tape says otherwise. */
static long write_bytes(long buffer, long size)
{
	long answer = fuzz_answer();

	touch(buffer, size);
	return answer == 0 || answer > size ? size : answer;
}

/* Writes an exit status from the tape, unless a program may have chosen the address. */
static long wait_for_child(int32_t *status)
{
	unsigned char byte = 0;

	if (fuzz_all_own && status) {
		fuzz_take(&byte, 1);
		*status = byte;
	}
	return fuzz_answer();
}

static void touch_text(uint64_t text)
{
	touch((long)text, (long)strlen((const char *)(uintptr_t)text));
}

static void touch_words(const struct spawn_request *request)
{
	touch_text(request->path);
	for (const uint64_t *word = (const uint64_t *)(uintptr_t)request->argv; *word; word++)
		touch_text(*word);
}

long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	(void)f;
	if (nr == __NR_exit_group || ++calls > CALLS_MAX)
		longjmp(fuzz_exit, 1);
	if (nr == __NR_mmap)
		return map(b);
	if (nr == __NR_munmap)
		return unmap(a);
	if (file_count > 0)
		return file_call(nr, a, b, c, d, e);
	switch (nr) {
	/* Signals never come, since programs do not handle them. */
	case __NR_rt_sigaction:
	case __NR_signalfd4:
		return -EINVAL;
	case __NR_recvfrom:
	case __NR_read:
		return fill(b, c);
	case __NR_getdents64:
		return fill_directory(b, c);
	case __NR_recvmsg:
		return receive_message((struct user_msghdr *)b);
	case __NR_sendto:
	case __NR_write:
		return write_bytes(b, c);
	case __NR_sendmsg:
		send_message((const struct user_msghdr *)b);
		return fuzz_answer();
	case __NR_readlinkat:
		return fill(c, d);
	case __NR_wait4:
		return wait_for_child((int32_t *)b);
	default:
		return fuzz_answer();
	}
}

long spawn(struct spawn_request *request)
{
	long pid = fuzz_answer();

	if (fuzz_all_own)
		touch_words(request);
	request->error = 0;
	request->pidfd = pid > 0 ? 9 : -1;
	return pid;
}

long copy_directory(int from, int to, int contents)
{
	(void)from;
	(void)to;
	(void)contents;
	return fuzz_answer();
}

long copy_file(int from, int to, const char *name)
{
	(void)from;
	(void)to;
	touch_text((uint64_t)(uintptr_t)name);
	return fuzz_answer();
}

long write_mode(unsigned char *to, int fd)
{
	(void)fd;
	for (unsigned int i = 0; i < MODE_DIGITS; i++)
		to[i] = '7';
	return fuzz_answer();
}
