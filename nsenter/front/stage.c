#include "stage.h"

#include "../text.h"

#include <linux/fcntl.h>

#define MFD_CLOEXEC 1U
#define MFD_ALLOW_SEALING 2U
#define MFD_EXEC 0x10U
#define AF_UNIX 1
#define SOCK_SEQPACKET 5
#define SOCK_CLOEXEC O_CLOEXEC
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* nsenter.so; image.S includes it. */
extern const unsigned char stage_image[];
extern const unsigned char stage_image_end[];

long sealed_file(const char *name, const unsigned char *bytes, size_t size)
{
	long fd = sys2(__NR_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	long n;

	if (fd == -EINVAL) /* before Linux 6.3 */
		fd = sys2(__NR_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return fd;
	n = sys3(__NR_write, fd, bytes, size);
	if (n == (long)size)
		n = sys3(__NR_fcntl, fd, F_ADD_SEALS, SEALS);
	else if (n >= 0)
		n = -ENOMEM;
	if (n < 0) {
		sys1(__NR_close, fd);
		return n;
	}
	return fd;
}

long stage_open(void)
{
	return sealed_file("brun-nsenter", stage_image, (size_t)(stage_image_end - stage_image));
}

long stage_start(struct stage *stage, long image, unsigned int flags)
{
	int pair[2];
	long result = sys4(__NR_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);

	if (result < 0)
		return result;
	zero(stage, sizeof(*stage));
	text_decimal(stage->number, (uint64_t)pair[1]);
	stage->argv[0] = "brun:[stage]";
	stage->argv[1] = "stage";
	stage->argv[2] = stage->number;
	stage->request.path = (uint64_t)(uintptr_t) "brun-nsenter";
	stage->request.argv = (uint64_t)(uintptr_t)stage->argv;
	stage->request.envp = (uint64_t)(uintptr_t)stage->envp;
	for (unsigned int i = 0; i < ARRAY_LENGTH(stage->request.stdio); i++)
		stage->request.stdio[i] = -1;
	stage->request.keep_fd = pair[1];
	stage->request.exec_fd = (int32_t)image;
	stage->request.flags = SPAWN_EXEC_FD | flags;
	stage->socket = pair[0];
	stage->pid = spawn(&stage->request);
	sys1(__NR_close, pair[1]);
	if (stage->pid < 0)
		sys1(__NR_close, pair[0]);
	else if (stage->request.pidfd >= 0)
		sys1(__NR_close, stage->request.pidfd);
	return stage->pid;
}
