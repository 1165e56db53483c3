/*
 * The smallest program there is: what a container costs is then all the runtime's. It ends at once, or, with
 * -DPAUSE, never.
 */
#include <asm/unistd.h>

static void call(long nr, long argument)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 8;

	__asm__ volatile("syscall"
			 : "+a"(nr)
			 : "D"(argument), "S"(0L), "d"(0L), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = argument;
	register long x1 __asm__("x1") = 0;
	register long x2 __asm__("x2") = 0;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 8;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
#endif
}

__attribute__((noreturn)) void _start(void)
{
#ifdef PAUSE
	for (;;)
		call(__NR_ppoll, 0);
#endif
	for (;;)
		call(__NR_exit_group, 0);
}
