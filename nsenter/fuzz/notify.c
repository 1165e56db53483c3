/* Fuzzes sd_notify(3) messages: text from a container's processes, which the supervisor outside reads. */
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
