/*
 * Asks the kernel one thing from inside a container.
 *   probe tiocsti TEXT    types TEXT on stdin's terminal: "tiocsti: ERRNO" (0: it was typed)
 *   probe steal           makes stdin's terminal its own: "steal: ERRNO"
 *   probe key NAME        looks a user key up in the session keyring: "key: ERRNO"
 *   probe add NAME        adds one, then runs the rest of the arguments
 *   probe fill            spends its user's quota of keys, says "full: ERRNO" and waits
 *   probe plant NAME      makes a keyring of that name that anyone may search, says "plant: ERRNO" and waits
 *   probe session         the name of the session keyring
 *   probe fds             numbers of all open descriptors but the one that it reads them by
 *   probe ids             real, effective and saved user id
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int say(const char *what, long result)
{
	printf("%s: %d\n", what, result < 0 ? errno : 0);
	return 0;
}

static int type(const char *text)
{
	int result = 0;

	for (; *text && result == 0; text++)
		result = ioctl(0, TIOCSTI, text);
	return say("tiocsti", result);
}

static int add(char **argv)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0) < 0 ||
	    syscall(SYS_add_key, "user", argv[0], "secret", 6, KEY_SPEC_SESSION_KEYRING) < 0)
		return say("add", -1);
	execv(argv[1], argv + 1);
	return 127;
}

static int fill(void)
{
	char name[32];
	int result = 0;

	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0) < 0)
		return say("fill", -1);
	/* The keys of processes that have just ended still leave. */
	for (int i = 0, full = 0; full < 50; i++) {
		snprintf(name, sizeof name, "fill-%d", i);
		result = (int)syscall(SYS_add_key, "user", name, "x", 1, KEY_SPEC_SESSION_KEYRING);
		if (result < 0 && ++full)
			usleep(10000);
	}
	say("full", result);
	fflush(stdout);
	return pause();
}

static int plant(const char *name)
{
	long key = syscall(SYS_add_key, "keyring", name, 0, 0, KEY_SPEC_SESSION_KEYRING);

	say("plant", key < 0 ? key : syscall(SYS_keyctl, KEYCTL_SETPERM, key, 0x3f3f3f3f));
	fflush(stdout);
	return pause();
}

static int session(void)
{
	char text[512] = "";

	if (syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof text - 1) < 0)
		return say("session", -1);
	return puts(strrchr(text, ';') + 1) < 0;
}

static int descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(directory))
			printf("%s\n", entry->d_name);
	return !directory;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	uid_t real, effective, saved;

	if (strcmp(what, "tiocsti") == 0 && argc > 2)
		return type(argv[2]);
	if (strcmp(what, "steal") == 0)
		return say("steal", ioctl(0, TIOCSCTTY, 1));
	if (strcmp(what, "key") == 0 && argc > 2)
		return say("key",
			   syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", argv[2], 0));
	if (strcmp(what, "add") == 0 && argc > 3)
		return add(argv + 2);
	if (strcmp(what, "fill") == 0)
		return fill();
	if (strcmp(what, "plant") == 0 && argc > 2)
		return plant(argv[2]);
	if (strcmp(what, "session") == 0)
		return session();
	if (strcmp(what, "fds") == 0)
		return descriptors();
	if (strcmp(what, "ids") == 0 && getresuid(&real, &effective, &saved) == 0)
		return printf("%d %d %d\n", real, effective, saved) < 0;
	return 2;
}
