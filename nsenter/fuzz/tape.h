/* What the inputs of the fuzzers have in common. */
#ifndef BRUN_FUZZ_TAPE_H
#define BRUN_FUZZ_TAPE_H

#include "../sys.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t limit);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned int seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes at the end of an input that are the kernel's answers, and one with the number of these in units of four. */
size_t fuzz_tape_size(const uint8_t *data, size_t size);

/* Most changes of a program are no more than its end: its header is put right, so that they go further. */
void fuzz_fix_program(uint8_t *data, size_t length);

#endif
