/* Fuzzes a state.json, of which `list` shows a part. */
#include "../front/stored-state.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stored_state state;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	if (stored_state_read(&state, text, size, "seed") &&
	    (strlen(state.bundle) >= size || strlen(state.created) >= size || state.pid == 0))
		abort();
	free(text);
	return 0;
}
