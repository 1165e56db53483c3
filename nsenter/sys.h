/* Raw system calls for a freestanding program. The result is the value, or -errno. */
#ifndef BRUN_SYS_H
#define BRUN_SYS_H

#include "build/abi.h"

#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/mman.h>
#include <stddef.h>
#include <stdint.h>

#if !defined(BRUN_OPAQUE_SYSCALLS)
/*
 * Declarations are hidden, too. Otherwise calls would use a table that a loader has to
 * relocate, and there is no loader.
 */
#pragma GCC visibility push(hidden)
#endif

#define BRUN_EXPORT __attribute__((visibility("default")))
#define BRUN_INLINE static inline __attribute__((always_inline))
#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#if defined(BRUN_OPAQUE_SYSCALLS)
/* For fuzzers, which have their own kernel, and for analyzers, which do not know what assembly writes to. */
long sys6(long nr, long a, long b, long c, long d, long e, long f);
#elif defined(__x86_64__)
BRUN_INLINE long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
BRUN_INLINE long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#else
#error "brun runs on x86-64 and arm64"
#endif

#define sys0(nr) sys6(nr, 0, 0, 0, 0, 0, 0)
#define sys1(nr, a) sys6(nr, (long)(a), 0, 0, 0, 0, 0)
#define sys2(nr, a, b) sys6(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define sys3(nr, a, b, c) sys6(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define sys4(nr, a, b, c, d) sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define sys5(nr, a, b, c, d, e) sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

BRUN_INLINE void copy(void *to, const void *from, size_t n)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	while (n--)
		*t++ = *f++;
}

BRUN_INLINE void zero(void *to, size_t n)
{
	volatile unsigned char *t = to;

	while (n--)
		*t++ = 0;
}

/* Allocates zeroed memory. Returns its address or -errno. munmap(2) frees it. */
BRUN_INLINE long sys_memory(size_t size)
{
	return sys6(__NR_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/*
 * Whether to repeat a call. It was interrupted, or openat2(2) answered EAGAIN: it saw a rename or mount somewhere
 * on the machine while it followed a "..", and could not be sure that it stayed below the root.
 */
BRUN_INLINE int sys_again(long nr, long result, unsigned int *tries)
{
	return result == -EINTR || (nr == __NR_openat2 && result == -EAGAIN && (*tries)++ < RESOLVE_TRIES);
}

__attribute__((noreturn)) BRUN_INLINE void sys_exit(int status)
{
	sys1(__NR_exit_group, status);
	/* For a seccomp filter that does not even allow exit. */
	__builtin_trap();
}

#endif
