/* Texts as JSON. */
#ifndef BRUN_FRONT_JSON_H
#define BRUN_FRONT_JSON_H

#include "command.h"

/* Whether a text is UTF-8 (RFC 3629). */
int json_is_utf8(const char *text);

/*
 * A list of strings in the format of JSON.stringify(), in new memory. Null if a string is not UTF-8, which JSON
 * cannot contain, or if there is no memory.
 */
const char *json_list(const struct texts *texts);

#endif
