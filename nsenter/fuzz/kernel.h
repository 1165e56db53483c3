/* A kernel for fuzzers. It answers from a tape, which is part of the input, and touches nothing real. */
#ifndef BRUN_FUZZ_KERNEL_H
#define BRUN_FUZZ_KERNEL_H

#include "../sys.h"

#include <setjmp.h>

/* Where the fuzzer continues after exit_group(2). */
extern jmp_buf fuzz_exit;

/* Sets the tape. When it is used up every call succeeds with 0. */
void fuzz_tape(const unsigned char *tape, size_t size);

/* Takes at most size bytes from the tape. The rest of "to" stays as it is. Returns the number of bytes. */
size_t fuzz_take(void *to, size_t size);

/*
 * Sets the contents of the only regular file, or null for none. The caller owns the file and its directory.
 * The data has to stay valid.
 */
void fuzz_file(const unsigned char *data, size_t size);

/*
 * Adds a file that is opened by an absolute path. Each such open gets the next file that has not been opened yet.
 * fuzz_file() removes them.
 */
void fuzz_host_file(const unsigned char *data, size_t size);

/* Whether only code of the front makes system calls, so that all pointers are valid. Set while no program runs. */
extern int fuzz_all_own;

/* Returns one answer: a small number, such as a descriptor, or an errno that the stage handles. */
long fuzz_answer(void);

#endif
