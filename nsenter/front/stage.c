#include "stage.h"

#include <linux/fcntl.h>

#define MFD_CLOEXEC 1U
#define MFD_ALLOW_SEALING 2U
#define MFD_EXEC 0x10U
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* nsenter.so, put there by image.S. */
extern const unsigned char stage_image[];
extern const unsigned char stage_image_end[];

long stage_open(void)
{
	size_t size = (size_t)(stage_image_end - stage_image);
	long fd = sys2(__NR_memfd_create, "brun-nsenter", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	long n;

	if (fd == -EINVAL) /* before Linux 6.3 */
		fd = sys2(__NR_memfd_create, "brun-nsenter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return fd;
	n = sys3(__NR_write, fd, stage_image, size);
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
