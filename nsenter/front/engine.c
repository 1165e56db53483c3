#include "engine.h"

#include "../text.h"
#include "libc.h"
#include "stage.h"

#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/resource.h>
#include <linux/signal.h>
#include <linux/stat.h>
#include <linux/sysinfo.h>

#define KIB 1024UL
#define MIB (1024 * KIB)
/* The memory that Bun 1.4.5 reserves at its start: for its heap, and executable memory for its JIT's code. */
#define HEAP (1024 * MIB)
#define CODE (1024 * MIB + 8 * KIB)
/* The smallest heap with which Bun starts without a JIT. */
#define LEAST (288 * MIB)
/* LEAST and Bun itself, rounded up. Bun itself needs little data. */
#define LEAST_ADDRESSES (450 * MIB)
#define LEAST_DATA (300 * MIB)
#define LEAST_STACK (256 * KIB)
/* The threads that Bun starts, and one process that brun starts. */
#define THREADS 6
/* struct sysinfo counts threads in 16 bits. */
#define COUNTED 0x10000
#define READABLE 4 /* R_OK */

/* door.c; image.S includes it. */
extern const unsigned char door_image[];
extern const unsigned char door_image_end[];

static long directory = -1;

/* Whether Bun could reserve this much memory. */
static int can_map(size_t size, int protection)
{
	long at = sys6(__NR_mmap, 0, (long)size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		       0);

	if (at < 0 && at > -4096)
		return 0;
	sys2(__NR_munmap, at, size);
	return 1;
}

/* Whether the caller sets options for Bun's engine, which may turn its JIT off. */
static int has_engine_options(const char *const *envp)
{
	for (; *envp; envp++)
		if (text_after(*envp, "BUN_JSC_"))
			return 1;
	return 0;
}

/* Complains about a limit in the shell's unit. Returns 0 if the limit is high enough. */
static int complain_of_limit(struct complaint *complaint, int resource, const char *name, uint64_t least)
{
	struct rlimit64 limit = {~0ULL, ~0ULL};

	sys4(__NR_prlimit64, 0, resource, 0, &limit);
	if (limit.rlim_cur >= least)
		return 0;
	complain(complaint, name);
	complain(complaint, " is limited to ");
	complain_number(complaint, limit.rlim_cur / KIB);
	complain(complaint, " KiB, and brun needs ");
	complain_number(complaint, least / KIB);
	complain(complaint,
		 " KiB; hint: raise it where brun is started; process.rlimits limits the container alone");
	return 1;
}

/* Checks that there is enough memory for Bun. If its engine will have no JIT, also provides the module for that. */
static int prepare_memory(struct complaint *complaint, const char *const *envp)
{
	if (can_map(HEAP + CODE, PROT_READ | PROT_WRITE | PROT_EXEC) && !has_engine_options(envp))
		return 0;
	if (can_map(LEAST, PROT_READ | PROT_WRITE)) {
		if (sealed_file("brun-door", door_image, (size_t)(door_image_end - door_image)) >= 0)
			return 0;
		complain(complaint, "memfd_create failed; hint: /proc/sys/vm/memfd_noexec may forbid it");
	} else if (!complain_of_limit(complaint, RLIMIT_AS, "the address space (RLIMIT_AS, ulimit -v)",
				      LEAST_ADDRESSES) &&
		   !complain_of_limit(complaint, RLIMIT_DATA, "memory for data (RLIMIT_DATA, ulimit -d)",
				      LEAST_DATA))
		complain(complaint, "there is no memory for brun; hint: see free -m and "
				    "/proc/sys/vm/overcommit_memory, with which 2 counts what is reserved");
	return -1;
}

/* Bun does not start in a directory that was removed, or whose path is too long. */
static void leave_nameless_directory(void)
{
	char path[PATH_SIZE];

	if (sys2(__NR_getcwd, path, sizeof(path)) > 0 && path[0] == '/')
		return;
	directory = sys4(__NR_openat, AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	/* Only if there is a way back. Otherwise relative paths would lead elsewhere. */
	if (directory >= 0 && (sys1(__NR_fchdir, directory) < 0 || sys1(__NR_chdir, "/") < 0)) {
		sys1(__NR_close, directory);
		directory = -1;
	}
}

void engine_enter_directory(void)
{
	if (directory < 0)
		return;
	sys1(__NR_fchdir, directory);
	sys1(__NR_close, directory);
	directory = -1;
}

/* Whether a filter refuses a call. The kernel itself answers EINVAL to its arguments. */
static int is_refused(struct complaint *complaint, const char *name, long result)
{
	if (result != -EPERM && result != -ENOSYS)
		return 0;
	complain(complaint, "the seccomp filter around brun refuses ");
	complain(complaint, name);
	complain(
	    complaint,
	    ", which Bun and its C library need; hint: allow it there, as docker does from 20.10.10 on, or start "
	    "the outer container with --security-opt seccomp=unconfined");
	return 1;
}

static int lacks_calls(struct complaint *complaint, const char *interpreter)
{
	long threads = sys2(__NR_clone3, 0, 0);

	/* glibc falls back to clone after ENOSYS, but not after EPERM. */
	return (threads == -EPERM && !is_musl(interpreter) && is_refused(complaint, "clone3", threads)) ||
	       is_refused(complaint, "statx", sys5(__NR_statx, -1, "", AT_STATX_SYNC_TYPE, 0, 0)) ||
	       is_refused(complaint, "memfd_create", sys2(__NR_memfd_create, "", ~0U));
}

/* Whether so many processes can exist at once. Each is the child of the one before. */
static int can_start(int count)
{
	long pid;
	int status = -1;

	if (count == 0)
		return 1;
	pid = sys5(__NR_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		sys_exit(!can_start(count - 1));
	while (pid > 0 && sys4(__NR_wait4, pid, &status, 0, 0) == -EINTR)
		;
	return status == 0;
}

/*
 * Whether there can be too few threads for Bun, which would abort. This is tried only if the limit could be
 * reached: a user has no more threads than the machine.
 */
static int lacks_threads(struct complaint *complaint)
{
	struct rlimit64 limit = {~0ULL, ~0ULL};
	struct sysinfo machine;

	sys4(__NR_prlimit64, 0, RLIMIT_NPROC, 0, &limit);
	if (limit.rlim_cur >= COUNTED || sys1(__NR_sysinfo, &machine) < 0 ||
	    limit.rlim_cur >= (uint64_t)machine.procs + THREADS || can_start(THREADS))
		return 0;
	complain(complaint, "the user may have ");
	complain_number(complaint, limit.rlim_cur);
	complain(complaint, " processes and threads (RLIMIT_NPROC, ulimit -u), and brun needs ");
	complain_number(complaint, THREADS);
	complain(complaint, " more than there are; hint: end some, or raise it where brun is started");
	return 1;
}

int engine_prepare(struct complaint *complaint, const char *interpreter, const char *const *envp)
{
	if (sys3(__NR_faccessat, AT_FDCWD, "/proc/self/maps", READABLE) < 0) {
		complain(complaint,
			 "/proc/self/maps cannot be read, and brun needs /proc; hint: mount it, as root: "
			 "mount -t proc proc /proc");
		return -1;
	}
	if (lacks_calls(complaint, interpreter) || lacks_threads(complaint) ||
	    complain_of_limit(complaint, RLIMIT_STACK, "the stack (RLIMIT_STACK, ulimit -s)", LEAST_STACK) ||
	    prepare_memory(complaint, envp) < 0)
		return -1;
	leave_nameless_directory();
	return 0;
}
