/* `run --host`, `--rootfs` and `--image`: what their plans are kept for. */
#ifndef BRUN_FRONT_SANDBOX_WORDS_H
#define BRUN_FRONT_SANDBOX_WORDS_H

#include "command.h"

/*
 * Takes the words behind `run`: those up to a first "--" are what the plan is for, and the program follows; without one all
 * words are; and the current directory. Returns 0 where it cannot be told.
 */
int sandbox_words(struct command *command, int count, const char *const *words);

#endif
