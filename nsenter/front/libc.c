#include "libc.h"

#include "../text.h"

#include <linux/fcntl.h>

#define CANNOT_EXECUTE 126

static void say(const char *text)
{
	sys3(__NR_write, 2, text, text_length(text));
}

static int exists(const char *path)
{
	return sys3(__NR_faccessat, AT_FDCWD, path, 0) == 0;
}

int is_musl(const char *interpreter)
{
	return interpreter && text_after(interpreter, "/lib/ld-musl-") != 0;
}

void libc_cannot_load(const char *interpreter, long error)
{
	say("brun: cannot load the C library's ");
	say(interpreter ? interpreter : "dynamic loader");
	if (!interpreter || error != -ENOENT)
		say("\n");
	else if (is_musl(interpreter))
		say(": it does not exist; hint: this brun is for systems with musl: take the one without "
		    "\"musl\" in its name\n");
	else
		say(": it does not exist; hint: this brun is for systems with glibc: on Alpine and others "
		    "with musl take the one with \"musl\" in its name\n");
	sys_exit(CANNOT_EXECUTE);
}

/* musl searches these directories, unless a file or the environment names others (ldso/dynlink.c). */
void libc_check(const char *interpreter, const char *const *envp)
{
	if (!interpreter || !is_musl(interpreter) || !exists(interpreter) ||
	    exists("/usr/lib/libstdc++.so.6") || exists("/lib/libstdc++.so.6") ||
	    exists("/usr/local/lib/libstdc++.so.6"))
		return;
	for (; *envp; envp++)
		if (text_after(*envp, "LD_LIBRARY_PATH="))
			return;
	if (exists("/etc/ld-musl-x86_64.path") || exists("/etc/ld-musl-aarch64.path"))
		return;
	say("brun: libstdc++.so.6 is not installed; hint: as root: apk add libstdc++ libgcc libseccomp\n");
	sys_exit(CANNOT_EXECUTE);
}
