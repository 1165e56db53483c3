/* sd_notify(3) messages: text that a container's processes have written, read by the supervisor outside. */
#include "../stage/notify.h"

#include "kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_tape(data, size);
	if (setjmp(fuzz_exit) == 0)
		notify_forward(3, 4);
	return 0;
}
