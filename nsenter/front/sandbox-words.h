/* `run --host`, `--rootfs` and `--image`: the keys of their plans. */
#ifndef BRUN_FRONT_SANDBOX_WORDS_H
#define BRUN_FRONT_SANDBOX_WORDS_H

#include "command.h"

/* In place of the directory in the key of a plan that is for any. */
#define ANY_DIRECTORY ""

/*
 * Takes the words after `run`. The key consists of the words up to a first "--", or all words without one, and of
 * ANY_DIRECTORY. The program follows the "--". Returns 0 if there can be no key.
 */
int sandbox_words(struct command *command, int count, const char *const *words);

/* Makes the key that of a directory. */
void sandbox_key(struct command *command, const char *directory);

#endif
