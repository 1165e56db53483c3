/* A kernel for fuzzers: it answers from a tape, which is part of the input, and touches nothing real. */
#ifndef BRUN_FUZZ_KERNEL_H
#define BRUN_FUZZ_KERNEL_H

#include "../sys.h"

#include <setjmp.h>

/* Where a call of exit_group(2) continues. */
extern jmp_buf fuzz_exit;

/* The answers from now on; when they are used up every call succeeds with 0. */
void fuzz_tape(const unsigned char *tape, size_t size);

/* Takes at most size bytes from the tape; the rest of "to" stays as it is. Returns how many. */
size_t fuzz_take(void *to, size_t size);

/* Bytes of the only regular file, which is the caller's own, as is its directory; or none. They have to stay. */
void fuzz_file(const unsigned char *data, size_t size);

/*
 * Bytes of one more file, which is found by an absolute path: the next open of one is that of the first of them that
 * has not been opened yet. fuzz_file() forgets them.
 */
void fuzz_host_file(const unsigned char *data, size_t size);

/* Whether every pointer that the kernel gets is the front's own, as it is while no program runs in its process. */
extern int fuzz_all_own;

/* One answer: a small number, such as a descriptor, or an errno that the stage knows what to do about. */
long fuzz_answer(void);

#endif
