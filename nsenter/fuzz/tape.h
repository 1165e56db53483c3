/* Helpers that the fuzzers share. */
#ifndef BRUN_FUZZ_TAPE_H
#define BRUN_FUZZ_TAPE_H

#include "../sys.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t limit);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned int seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * The size of the tape at the end of an input. It consists of the kernel's answers, and of one byte with their
 * number in units of four.
 */
size_t fuzz_tape_size(const uint8_t *data, size_t size);

/* Most mutations change the end of a program. This fixes its header, so that more of them pass the decoder. */
void fuzz_fix_program(uint8_t *data, size_t length);

#endif
