/* Texts as JSON. */
#ifndef BRUN_FRONT_JSON_H
#define BRUN_FRONT_JSON_H

#include "command.h"

/*
 * A list of strings as JSON.stringify() writes it, in fresh memory. Null where one is not UTF-8, which JSON cannot hold, or
 * where there is no memory.
 */
const char *json_list(const struct texts *texts);

#endif
