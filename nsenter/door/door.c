/*
 * A Node-API module (process.dlopen) that calls C functions without bun:ffi, which needs the JIT. Its exports are
 * one function, call(address, …seven words), whose arguments are bigints. For an address below LIBC_FUNCTIONS it
 * returns the address of a function of libc. The front provides it if the engine may not make executable memory
 * (front/engine.h), and src/sys/door.ts uses it.
 */
#include "../sys.h"

#define ARGUMENTS 8

/* Node-API as Bun has it: nodejs.org/api/n-api.html. */
struct environment;
struct value;
struct callback_info;

typedef struct value *callback(struct environment *env, struct callback_info *info);
typedef long function(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t g);

/* The engine exports these, so the dynamic loader finds them. All other symbols are hidden. */
#define ENGINE extern __attribute__((visibility("default")))
ENGINE int napi_get_cb_info(struct environment *env, struct callback_info *info, size_t *count,
			    struct value **values, struct value **self, void **data);
ENGINE int napi_get_value_bigint_uint64(struct environment *env, struct value *value, uint64_t *number,
					_Bool *lossless);
ENGINE int napi_create_bigint_int64(struct environment *env, int64_t number, struct value **value);
ENGINE int napi_create_function(struct environment *env, const char *name, size_t length, callback *call,
				void *data, struct value **value);

ENGINE void *dlopen(const char *name, int flags);
ENGINE void *dlsym(void *library, const char *name);
ENGINE char *dlerror(void);

/* This is not a table, since that would have to be relocated. */
static long libc_function(uint64_t index)
{
	if (index == LIBC_DLOPEN)
		return (long)(uintptr_t)dlopen;
	return index == LIBC_DLSYM ? (long)(uintptr_t)dlsym : (long)(uintptr_t)dlerror;
}

static struct value *call(struct environment *env, struct callback_info *info)
{
	struct value *values[ARGUMENTS];
	uint64_t words[ARGUMENTS] = {0};
	size_t count = ARGUMENTS;
	struct value *result = 0;
	_Bool lossless;
	long returned;

	/* The engine fills in undefined for missing arguments, which cannot be converted to a number. */
	if (napi_get_cb_info(env, info, &count, values, 0, 0) != 0)
		return 0;
	for (unsigned int i = 0; i < ARGUMENTS; i++)
		napi_get_value_bigint_uint64(env, values[i], &words[i], &lossless);
	if (words[0] < LIBC_FUNCTIONS)
		returned = libc_function(words[0]);
	else
		returned = ((function *)(uintptr_t)words[0])(words[1], words[2], words[3], words[4], words[5],
							     words[6], words[7]);
	napi_create_bigint_int64(env, returned, &result);
	return result;
}

BRUN_EXPORT struct value *napi_register_module_v1(struct environment *env, struct value *exports);
BRUN_EXPORT struct value *napi_register_module_v1(struct environment *env, struct value *exports)
{
	struct value *result = exports;

	napi_create_function(env, "call", 4, call, 0, &result);
	return result;
}
