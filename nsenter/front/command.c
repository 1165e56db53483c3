#include "command.h"

#include <linux/fcntl.h>
#include <linux/stat.h>

#define FIRST_USER_NAMESPACE "user:[4026531837]"

const char *environment_variable(const char *const *envp, const char *name)
{
	const char *found = 0;

	for (; *envp; envp++) {
		const char *value = text_after(*envp, name);

		if (value && *value == '=')
			found = value + 1;
	}
	return found;
}

/* Whether a component of a path is none of a name: empty, "." or "..". */
static int is_special(const char *component)
{
	if (component[0] == '.')
		component++;
	if (component[0] == '.')
		component++;
	return component[0] == '/' || component[0] == 0;
}

/* Absolute, and without what would have to be resolved. */
static int is_clean(const char *path)
{
	if (path[0] != '/')
		return 0;
	for (; *path != 0; path++)
		if (path[0] == '/' && is_special(path + 1))
			return 0;
	return 1;
}

static int is_id(const char *id)
{
	size_t n = 0;

	for (; id[n] != 0; n++) {
		char c = id[n];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '+' || c == '.' || (c == '-' && n > 0)))
			return 0;
	}
	return n > 0 && n <= ID_MAX && !text_equal(id, ".") && !text_equal(id, "..");
}

int in_first_user_namespace(void)
{
	char link[sizeof(FIRST_USER_NAMESPACE)];
	long n = sys4(__NR_readlinkat, AT_FDCWD, "/proc/self/ns/user", link, sizeof(link));

	if (n != (long)sizeof(link) - 1)
		return 0;
	link[n] = 0;
	return text_equal(link, FIRST_USER_NAMESPACE);
}

/* Whether every id is mapped to itself, as in the first user namespace. */
static int maps_all_ids(void)
{
	static const char all[] = "         0          0 4294967295\n";
	char map[sizeof(all)];
	long fd = sys4(__NR_openat, AT_FDCWD, "/proc/self/uid_map", O_RDONLY | O_CLOEXEC, 0);
	long n = fd < 0 ? fd : sys3(__NR_read, fd, map, sizeof(map));

	if (fd >= 0)
		sys1(__NR_close, fd);
	if (n != (long)sizeof(all) - 1)
		return n < 0;
	map[n] = 0;
	return text_equal(map, all);
}

/* Root of a user namespace other than the first, such as rootless podman's: a user, unless by its name it is root's login. */
static int is_nested_root(const char *const *envp)
{
	const char *user = environment_variable(envp, "USER");

	return !(user && text_equal(user, "root")) && !maps_all_ids();
}

/* Whether a state directory is there already, and fit for use. */
static int is_fit(const char *root, uint32_t mode, uint32_t uid)
{
	struct statx status;

	zero(&status, sizeof(status));
	if (sys5(__NR_statx, AT_FDCWD, root, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status) < 0)
		return 0;
	return status.stx_mode == (S_IFDIR | mode) && status.stx_uid == uid;
}

/* Whether files can be made in a directory, and be reached. */
static int is_writable(const char *directory)
{
	return sys3(__NR_faccessat, AT_FDCWD, directory, 3 /* W_OK | X_OK */) == 0;
}

/* As src/container/root.ts. */
static int default_root(char *root, const char *const *envp)
{
	const char *runtime = environment_variable(envp, "XDG_RUNTIME_DIR");
	uint32_t uid = (uint32_t)sys0(__NR_geteuid);
	char number[21];
	long length;

	if (uid == 0 && in_first_user_namespace())
		return path_append(root, 0, "/run/brun", 9) > 0;
	if (uid == 0 && !is_nested_root(envp))
		return 0;
	if (runtime && runtime[0] == '/') {
		if (!is_clean(runtime))
			return 0;
		length = path_append(root, 0, runtime, text_length(runtime));
		if (path_append(root, length, "/brun", 5) < 0)
			return 0;
		if (is_fit(root, 01700, uid) && is_writable(root))
			return 1;
		/* brun makes one there, or says why not. */
		if (is_writable(runtime))
			return 0;
	}
	/* The directory has the uid outside. */
	if (uid == 0)
		return 0;
	length = path_append(root, 0, "/tmp/brun-", 10);
	return path_append(root, length, number, text_decimal(number, uid)) > 0 && is_fit(root, 0700, uid);
}

/* A number from 1 to 64, or a name in capitals, with or without SIG; 0 for what else a signal can be called. */
static int signal_number(const char *word)
{
	static const char names[] = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM "
				    "STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO "
				    "PWR SYS ";
	const char *bare = text_after(word, "SIG");
	const char *name = names;
	int number = text_number(word);

	/* "HUP INT" would be found among the names. */
	for (const char *c = word; *c != 0; c++)
		if (*c == ' ')
			return 0;
	if (number >= 0)
		return number <= 64 ? number : 0;
	if (!bare)
		bare = word;
	for (number = 1; *name != 0; number++) {
		const char *rest = text_after(name, bare);

		if (rest && *rest == ' ' && *bare != 0)
			return number;
		while (*name++ != ' ')
			;
	}
	return 0;
}

/* A flag with a value, "--flag=value" or "--flag value": *at moves on to its last word. Null when it is another. */
static const char *flag_value(const char *flag, int argc, const char *const *argv, int *at)
{
	const char *rest = text_after(argv[*at], flag);

	if (rest && *rest == '=')
		return rest + 1;
	if (rest && *rest == 0 && *at + 1 < argc) {
		(*at)++;
		return argv[*at];
	}
	return 0;
}

/* One global flag. Returns 0 when it is none that is known here. */
static int take_global(struct command *command, const char **root, int argc, const char *const *argv, int *at)
{
	const char *value;

	if (text_equal(argv[*at], "--systemd-cgroup")) {
		command->systemd = 1;
		return 1;
	}
	value = flag_value("--root", argc, argv, at);
	if (value) {
		*root = value;
		return 1;
	}
	value = flag_value("--log", argc, argv, at);
	if (value) {
		command->log = value;
		return value[0] == '/';
	}
	value = flag_value("--log-format", argc, argv, at);
	command->json = value && text_equal(value, "json");
	return command->json || (value && text_equal(value, "text"));
}

/* Global flags, up to the command's name. Returns its place, or 0. */
static int parse_globals(struct command *command, const char **root, int argc, const char *const *argv)
{
	int at = 1;

	command->log = 0;
	command->json = 0;
	command->systemd = 0;
	for (; at < argc && argv[at][0] == '-'; at++)
		if (!take_global(command, root, argc, argv, &at))
			return 0;
	return at < argc ? at : 0;
}

/* The state directory: what --root says, or the default one. */
static int find_root(struct command *command, const char *root, const char *const *envp)
{
	if (!root)
		return default_root(command->root, envp);
	return is_clean(root) && path_append(command->root, 0, root, text_length(root)) >= 0;
}

/*
 * run, create and exec, unless descriptors of the caller's are for the container, whose numbers must not be taken, and
 * but for containers without a bundle, which mostly get another stdin.
 */
static int wants_stage(const char *name, int count, const char *const *words, const char *const *envp)
{
	if (!text_equal(name, "run") && !text_equal(name, "create") && !text_equal(name, "exec"))
		return 0;
	for (int i = 0; i < count; i++) {
		const char *word = words[i];

		while (*word == '-')
			word++;
		if (word != words[i] && (text_after(word, "preserve-fds") || text_after(word, "host") ||
					 text_after(word, "rootfs")))
			return 0;
	}
	return !environment_variable(envp, "LISTEN_FDS");
}

/* Whether a program may have been prepared for the command, in the form that it has here. */
static int is_prepared(struct command *command, const char *name, int rest, const char *const *words,
		       const char *const *envp)
{
	if (rest < 1)
		return 0;
	command->id = words[0];
	command->signal = 0;
	if (text_equal(name, "state") && rest == 1) {
		command->program = PREPARED_STATE;
	} else if (text_equal(name, "start") && rest == 1 && !environment_variable(envp, "NOTIFY_SOCKET")) {
		command->program = PREPARED_START;
	} else if (text_equal(name, "kill") && rest <= 2) {
		command->program = PREPARED_KILL;
		command->signal = signal_number(rest == 2 ? words[1] : "TERM");
		return command->signal != 0;
	} else if (text_equal(name, "delete") && rest <= 2) {
		int forced = text_equal(words[0], "--force") || text_equal(words[0], "-f");

		command->program = forced ? PREPARED_FORCED_DELETE : PREPARED_DELETE;
		command->id = words[forced];
		return rest == 1 + forced;
	} else if (text_equal(name, "exec") && rest >= 2 && !text_equal(words[1], "--") &&
		   !environment_variable(envp, "LISTEN_FDS") && !environment_variable(envp, "BRUN_TIMING")) {
		command->program = PREPARED_EXEC;
		command->words = words + 1;
		command->word_count = (unsigned int)rest - 1;
	} else {
		return 0;
	}
	return 1;
}

/* The bundle's path as src/sys/fs.ts makes it absolute, where that takes no more than putting it together. */
static int find_bundle(struct command *command, const char *bundle)
{
	long length = 0;

	if (bundle[0] != '/') {
		/* With its NUL; that of a directory which cannot be reached begins with "(". */
		length = sys2(__NR_getcwd, command->bundle, sizeof(command->bundle)) - 1;
		if (text_equal(bundle, "."))
			bundle = "";
		else if (length > 1)
			length = path_append(command->bundle, length, "/", 1);
	}
	return path_append(command->bundle, length, bundle, text_length(bundle)) > 0 &&
	       is_clean(command->bundle);
}

/* run [--bundle DIR] [--no-new-keyring] ID, in the foreground. */
static int is_plain_run(struct command *command, const char *name, int count, const char *const *words,
			const char *const *envp)
{
	const char *bundle = ".";
	int at = 0;

	if (!text_equal(name, "run") || command->systemd || environment_variable(envp, "LISTEN_FDS") ||
	    environment_variable(envp, "NOTIFY_SOCKET") || environment_variable(envp, "BRUN_TIMING"))
		return 0;
	command->old_keyring = 0;
	for (; at < count && words[at][0] == '-'; at++) {
		if (text_equal(words[at], "--no-new-keyring")) {
			command->old_keyring = 1;
			continue;
		}
		bundle = flag_value("--bundle", count, words, &at);
		if (!bundle && text_equal(words[at], "-b") && at + 1 < count)
			bundle = words[++at];
		if (!bundle)
			return 0;
	}
	if (at != count - 1)
		return 0;
	command->id = words[at];
	return find_bundle(command, bundle);
}

enum command_kind command_parse(struct command *command, int argc, const char *const *argv,
				const char *const *envp)
{
	const char *root = 0;
	int at = parse_globals(command, &root, argc, argv);
	int rest = argc - at - 1; /* words after the command's name */
	const char *name = argv[at];
	const char *const *words = argv + at + 1;

	if (at == 0)
		return COMMAND_OTHER;
	command->envp = envp;
	if (is_prepared(command, name, rest, words, envp) && is_id(command->id) &&
	    find_root(command, root, envp))
		return COMMAND_PREPARED;
	if (is_plain_run(command, name, rest, words, envp) && is_id(command->id) &&
	    find_root(command, root, envp))
		return COMMAND_RUN;
	return wants_stage(name, rest, words, envp) ? COMMAND_LAUNCH : COMMAND_OTHER;
}
