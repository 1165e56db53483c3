/*
 * Shows or replaces the session keyring (session-keyring(7)). busybox has no program for this.
 *   usage: keyring                          prints its description: type;uid;gid;permissions;name
 *          keyring NAME PROGRAM [ARGUMENT...]   runs a program with a new keyring
 */
#include <linux/keyctl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char description[512] = "";

	if (argc == 1) {
		if (syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, description,
			    sizeof(description) - 1) < 0) {
			perror("KEYCTL_DESCRIBE");
			return 1;
		}
		puts(description);
		return 0;
	}
	if (argc < 3 || syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, argv[1]) < 0) {
		perror("KEYCTL_JOIN_SESSION_KEYRING");
		return 1;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
