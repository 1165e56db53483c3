/* mkdir("/x86") by the system calls of 32-bit programs, which need no 32-bit program: prints its errno, 0 for none. */
#include <stdio.h>

int main(void)
{
	static char path[] = "/x86";
	long result = 39; /* __NR_mkdir of i386 */

	__asm__ volatile("int $0x80"
			 : "+a"(result)
			 : "b"(path), "c"(0755L)
			 : "memory", "r8", "r9", "r10", "r11");
	printf("%d\n", (int)-result);
	return 0;
}
