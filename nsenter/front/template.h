/* From a program that executes any words to one that executes these. */
#ifndef BRUN_FRONT_TEMPLATE_H
#define BRUN_FRONT_TEMPLATE_H

#include "command.h"

/*
 * The template's last TEMPLATE_ARGUMENTS relocations are those of argv, and what it finds and executes is argv's
 * first. Returns fresh memory of *size bytes with all of it
 * filled in, or null.
 */
unsigned char *template_fill(unsigned char *template, size_t template_size, const struct command *command,
			     size_t *size);

#endif
