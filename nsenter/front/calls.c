/*
 * The functions that brun calls by bun:ffi. The front is linked to a fixed address, so their addresses are known
 * when brun is bundled: frontCalls() of nsenter/embed.ts reads them from this section.
 */
#include "handover.h"
#include "engine.h"

#include "../plan/program.h"

long brun_syscall(long nr, long a, long b, long c, long d, long e, long f);
long brun_spawn(struct spawn_request *request);
long brun_catch_signals(int fd, int which);
long brun_ask(long question);
long brun_run(unsigned char *data, size_t size, int64_t *slots, size_t count, struct failure *failures,
	      size_t runs);

/* The first system call of brun shows that Bun has started. */
static long front_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	engine_enter_directory();
	return brun_syscall(nr, a, b, c, d, e, f);
}

typedef void any_function(void);
__attribute__((section(".calls"), used)) any_function *const front_calls[] = {
    [CALL_SYSCALL] = (any_function *)front_syscall,
    [CALL_SPAWN] = (any_function *)brun_spawn,
    [CALL_CATCH_SIGNALS] = (any_function *)brun_catch_signals,
    [CALL_ASK] = (any_function *)brun_ask,
    [CALL_RUN] = (any_function *)brun_run,
};
