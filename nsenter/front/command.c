#include "command.h"

#include "environment.h"
#include "root.h"
#include "sandbox-words.h"
#include "signal-names.h"

#include "../build/command-line.h"

#define DETACHED "--detach"
#define OLD_KEYRING "--no-new-keyring"

int command_is_id(const char *id)
{
	size_t n = 0;

	for (; id[n] != 0; n++) {
		const char *c = ID_CHARACTERS;

		while (*c != 0 && *c != id[n])
			c++;
		if (*c == 0)
			return 0;
	}
	return n > 0 && n <= ID_MAX && !text_equal(id, ".") && !text_equal(id, "..");
}

/* Whether no other flags are given. */
static int has_only(const struct parsed *parsed, uint64_t flags)
{
	return (parsed->given & ~flags) == 0;
}

static int is_given(const struct parsed *parsed, unsigned int flag)
{
	return (parsed->given & FLAG_BIT(flag)) != 0;
}

/* Whether a path may be the root directory, which cannot be a state directory. */
static int is_only_dots(const char *path)
{
	while (*path == '/' || *path == '.')
		path++;
	return *path == 0;
}

/* Handles the global flags. Returns 0 if there is one that the front does not know. */
static int take_globals(struct command *command, const struct parsed *globals)
{
	const char *format = globals->values[GLOBAL_LOG_FORMAT];

	command->systemd = is_given(globals, GLOBAL_SYSTEMD_CGROUP);
	command->log = globals->values[GLOBAL_LOG];
	command->json = format && text_equal(format, "json");
	command->observed = is_given(globals, GLOBAL_DEBUG);
	return !(is_given(globals, GLOBAL_ROOT) && is_only_dots(globals->values[GLOBAL_ROOT])) &&
	       (!command->log || command->log[0] == '/') &&
	       (!format || command->json || text_equal(format, "text")) &&
	       has_only(globals, FLAG_BIT(GLOBAL_ROOT) | FLAG_BIT(GLOBAL_LOG) | FLAG_BIT(GLOBAL_LOG_FORMAT) |
				     FLAG_BIT(GLOBAL_SYSTEMD_CGROUP) | FLAG_BIT(GLOBAL_DEBUG));
}

static int makes_container(const char *name)
{
	return text_equal(name, "run") || text_equal(name, "create");
}

/*
 * Whether the command is about a container without a bundle: forSandbox() of src/cli/main.ts. A "--" can be
 * the value of a flag of `create`. So a line of `create` may be about one if such a flag is anywhere in it, and Bun decides.
 */
static int names_root(const char *name_of_command, int count, const char *const *words)
{
	int ends = text_equal(name_of_command, "run");

	for (int i = 0; i < count && !(ends && text_equal(words[i], "--")); i++) {
		const char *name = words[i] + 1;

		if (words[i][0] != '-')
			continue;
		if (*name == '-')
			name++;
		for (unsigned int flag = 0; flag < ARRAY_LENGTH(root_flags); flag++) {
			const char *rest = text_after(name, root_flags[flag]);

			if (rest && (*rest == 0 || *rest == '='))
				return 1;
		}
	}
	return 0;
}

/* Whether a word may be the name of an image in place of an id: isNameOfImage() of src/image/image-name.ts. */
static int may_name_image(int count, const char *const *words)
{
	for (int i = 0; i < count && !text_equal(words[i], "--"); i++)
		for (const char *c = words[i]; words[i][0] != '-' && *c; c++)
			if (*c == '/' || *c == ':' || *c == '@')
				return 1;
	return 0;
}

/* Whether the number of a flag is 0, or the flag is missing. */
static int is_zero(const struct parsed *parsed, unsigned int flag)
{
	const char *digits = parsed->values[flag];

	while (digits && *digits == '0')
		digits++;
	return !digits || *digits == 0;
}

/*
 * The index of the program after the id of exec. A "--" between them is skipped, unless an earlier
 * "--" has ended the flags.
 */
static int exec_words(const struct parsed *parsed)
{
	return parsed->count > 1 && !parsed->dashed && text_equal(parsed->rest[1], "--") ? 2 : 1;
}

/*
 * Whether a command needs a stage: run, create and exec do, unless the container gets descriptors of the caller. A
 * stage of the front could have the same numbers.
 */
static int wants_stage(const char *name, const struct parsed *parsed, const char *const *envp)
{
	if (environment_variable(envp, "LISTEN_FDS"))
		return 0;
	if (text_equal(name, "exec"))
		return is_zero(parsed, EXEC_PRESERVE_FDS) &&
		       (exec_words(parsed) < parsed->count ||
			(parsed->values[EXEC_PROCESS] && parsed->values[EXEC_PROCESS][0] != 0));
	return (text_equal(name, "run") && is_zero(parsed, RUN_PRESERVE_FDS)) ||
	       (text_equal(name, "create") && is_zero(parsed, CREATE_PRESERVE_FDS));
}

/* BRUN_TIMING=1 asks these commands to show their phases. */
static void observe_timing(struct command *command)
{
	const char *value = environment_variable(command->envp, "BRUN_TIMING");

	command->observed |= value && text_equal(value, "1");
}

/* The values of --env. Returns 0 if Bun has to read them. */
static int take_variables(struct command *command, const struct parsed *parsed)
{
	if (parsed->several_count > SEVERAL_MAX)
		return 0;
	copy(command->several, parsed->several, parsed->several_count * sizeof(parsed->several[0]));
	command->variables = (struct texts){command->several, parsed->several_count};
	return are_variables(&command->variables);
}

/* The flags that exec has with --process, and those that it has besides. */
#define WITH_PROCESS                                                                                         \
	(FLAG_BIT(EXEC_INTERACTIVE) | FLAG_BIT(EXEC_TTY) | FLAG_BIT(EXEC_DETACH) | FLAG_BIT(EXEC_PID_FILE) | \
	 FLAG_BIT(EXEC_CONSOLE_SOCKET) | FLAG_BIT(EXEC_PROCESS))
#define WITH_WORDS (FLAG_BIT(EXEC_CWD) | FLAG_BIT(EXEC_WORKDIR) | FLAG_BIT(EXEC_ENV) | FLAG_BIT(EXEC_USER))

#define LARGEST_ID 0xfffffffeU

/* Copies the digits of an id to `to`. Returns what follows, or null if they are none. */
static const char *take_id(char *to, const char *digits)
{
	uint64_t value = 0;
	size_t n = 0;

	for (; digits[n] >= '0' && digits[n] <= '9'; n++) {
		if (n == ID_DIGITS)
			return 0;
		value = value * 10 + (uint64_t)(digits[n] - '0');
		to[n] = digits[n];
	}
	to[n] = 0;
	return n > 0 && value <= LARGEST_ID ? digits + n : 0;
}

/* UID or UID:GID of --user. Returns 0 if Bun has to read it: names are in the container. */
static int take_user(struct command *command, const char *user)
{
	const char *rest = user ? take_id(command->ids[0], user) : 0;

	command->uid = command->gid = 0;
	if (!user)
		return 1;
	if (rest && *rest == ':') {
		rest = take_id(command->ids[1], rest + 1);
		command->gid = command->ids[1];
	}
	command->uid = command->ids[0];
	return rest && *rest == 0;
}

static int is_clean_or_none(const char *path)
{
	return !path || path_is_clean(path);
}

/* exec [-i] [-t] [-d] [-e NAME=value]… [-w DIR] [-u UID[:GID]] [--pid-file FILE] [--console-socket SOCKET] ID [--] WORD…, or -p FILE */
static int is_plain_exec(struct command *command, const struct parsed *parsed, const char *const *envp)
{
	int words = exec_words(parsed);
	const char *workdir = parsed->values[EXEC_WORKDIR];

	observe_timing(command);
	command->part = is_given(parsed, EXEC_TTY) ? PART_EXEC_TERMINAL : PART_EXEC;
	command->words = (struct texts){parsed->rest + words, (size_t)(parsed->count - words)};
	command->detach = is_given(parsed, EXEC_DETACH);
	command->cwd = parsed->values[EXEC_CWD];
	command->pid_file = parsed->values[EXEC_PID_FILE];
	command->process = parsed->values[EXEC_PROCESS];
	command->console = parsed->values[EXEC_CONSOLE_SOCKET];
	if (!is_clean_or_none(command->pid_file) || !is_clean_or_none(command->process) ||
	    !is_clean_or_none(command->console) || (command->cwd && workdir))
		return 0;
	if (workdir)
		command->cwd = workdir;
	if (command->cwd && command->cwd[0] != '/')
		return 0;
	return (command->words.count > 0 || command->process) && !environment_variable(envp, "LISTEN_FDS") &&
	       has_only(parsed, WITH_PROCESS | (command->process ? 0 : WITH_WORDS)) &&
	       take_variables(command, parsed) && take_user(command, parsed->values[EXEC_USER]);
}

/* Whether the container's directory may have a plan for the command in this form. */
static int is_local(struct command *command, const char *name, const struct parsed *parsed,
		    const char *const *envp)
{
	command->signal = 0;
	command->key = (struct texts){&command->id, 1};
	if (text_equal(name, "state")) {
		command->part = PART_STATE;
		return has_only(parsed, 0);
	}
	if (text_equal(name, "start")) {
		command->part = PART_START;
		return has_only(parsed, 0) && !environment_variable(envp, "NOTIFY_SOCKET");
	}
	if (text_equal(name, "kill")) {
		const char *signal = parsed->second && parsed->second[0] != 0 ? parsed->second : "TERM";

		command->part = PART_KILL;
		command->signal = signal_number(signal);
		return has_only(parsed, 0) && command->signal != 0;
	}
	if (text_equal(name, "delete")) {
		command->part = is_given(parsed, DELETE_FORCE) ? PART_FORCED_DELETE : PART_DELETE;
		return has_only(parsed, FLAG_BIT(DELETE_FORCE));
	}
	return text_equal(name, "exec") && is_plain_exec(command, parsed, envp);
}

/* Makes the bundle's path absolute like src/sys/fs.ts, but only by concatenation. */
static int find_bundle(struct command *command, const char *bundle)
{
	long length = 0;

	if (bundle[0] != '/') {
		/* The length without its NUL. The path of an unreachable directory begins with "(". */
		length = sys2(__NR_getcwd, command->bundle, sizeof(command->bundle)) - 1;
		if (text_equal(bundle, "."))
			bundle = "";
		else if (length > 1)
			length = path_append(command->bundle, length, "/", 1);
	}
	return path_append(command->bundle, length, bundle, text_length(bundle)) > 0 &&
	       path_is_clean(command->bundle);
}

/* Whether the command is run [--detach] [--bundle DIR] [--no-new-keyring] ID. */
static int is_plain_run(struct command *command, const char *name, const struct parsed *parsed,
			const char *const *envp)
{
	const char *bundle = parsed->values[RUN_BUNDLE];
	size_t count = 0;

	if (!text_equal(name, "run") || command->systemd || environment_variable(envp, "LISTEN_FDS") ||
	    environment_variable(envp, "NOTIFY_SOCKET") ||
	    !has_only(parsed, FLAG_BIT(RUN_BUNDLE) | FLAG_BIT(RUN_DETACH) | FLAG_BIT(RUN_NO_NEW_KEYRING)))
		return 0;
	observe_timing(command);
	command->part = PART_ENTER;
	if (!find_bundle(command, bundle && bundle[0] != 0 ? bundle : "."))
		return 0;
	command->texts[count++] = command->bundle;
	if (is_given(parsed, RUN_DETACH))
		command->texts[count++] = DETACHED;
	if (is_given(parsed, RUN_NO_NEW_KEYRING))
		command->texts[count++] = OLD_KEYRING;
	command->key = (struct texts){command->texts, count};
	return 1;
}

/* Whether the command is run --host, --rootfs or --image with any flags, or run NAME of an image. */
static int is_sandbox_run(struct command *command, const char *name, int count, const char *const *words)
{
	if (!text_equal(name, "run") || command->systemd ||
	    environment_variable(command->envp, "LISTEN_FDS") ||
	    environment_variable(command->envp, "NOTIFY_SOCKET"))
		return 0;
	observe_timing(command);
	return sandbox_words(command, count, words);
}

/* list [--format table|json] [--quiet] */
static int is_plain_list(struct command *command, const struct parsed *parsed)
{
	static const char *const key = LIST_FILE;
	const char *format = parsed->values[LIST_FORMAT];
	int json = format && text_equal(format, "json");

	command->part = PART_LIST_READ;
	command->key = (struct texts){&key, 1};
	command->form = is_given(parsed, LIST_QUIET) ? LIST_IDS : json ? LIST_AS_JSON : LIST_AS_TABLE;
	return has_only(parsed, FLAG_BIT(LIST_FORMAT) | FLAG_BIT(LIST_QUIET)) &&
	       (command->form != LIST_AS_TABLE || !format || text_equal(format, "table"));
}

/* BRUN_FRONT=off allows to compare with a run without the front. */
static void take_switch(struct command *command)
{
	const char *value = environment_variable(command->envp, "BRUN_FRONT");

	command->off = value && text_equal(value, "off");
	command->on = value && text_equal(value, "on");
}

static const struct command_line *find_line(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_LENGTH(command_lines); i++)
		if (text_equal(command_lines[i].name, name))
			return &command_lines[i];
	return 0;
}

enum command_kind command_parse(struct command *command, int argc, const char *const *argv,
				const char *const *envp)
{
	struct parsed globals;
	struct parsed parsed;
	const struct command_line *line;
	const char *const *words;
	int count;
	int is_bundle;

	command->argc = argc;
	command->argv = argv;
	command->envp = envp;
	command->directory = 0;
	take_switch(command);
	if (command->off)
		return COMMAND_OTHER;
	if (argc < 1 || !flags_parse(&globals, &global_line, argc - 1, argv + 1) || globals.count == 0 ||
	    !take_globals(command, &globals))
		return COMMAND_OTHER;
	line = find_line(globals.first);
	words = globals.rest + 1;
	count = globals.count - 1;
	if (!line)
		return COMMAND_OTHER;
	if (text_equal(line->name, "list"))
		return flags_parse(&parsed, line, count, words) && is_plain_list(command, &parsed) &&
			       root_find(command->root, globals.values[GLOBAL_ROOT], envp)
			   ? COMMAND_LIST
			   : COMMAND_OTHER;
	is_bundle = flags_parse(&parsed, line, count, words) && command_is_id(parsed.first);
	if ((makes_container(line->name) && names_root(line->name, count, words)) ||
	    (!is_bundle && may_name_image(count, words)))
		return is_sandbox_run(command, line->name, count, words) &&
			       root_find(command->root, globals.values[GLOBAL_ROOT], envp)
			   ? COMMAND_SANDBOX
			   : COMMAND_OTHER;
	if (!is_bundle)
		return COMMAND_OTHER;
	command->id = parsed.first;
	if (is_local(command, line->name, &parsed, envp) &&
	    root_find(command->root, globals.values[GLOBAL_ROOT], envp))
		return COMMAND_LOCAL;
	if (is_plain_run(command, line->name, &parsed, envp) &&
	    root_find(command->root, globals.values[GLOBAL_ROOT], envp))
		return COMMAND_RUN;
	return wants_stage(line->name, &parsed, envp) ? COMMAND_LAUNCH : COMMAND_OTHER;
}

void command_log(struct log_flags *flags, int argc, const char *const *argv)
{
	struct parsed globals;

	flags_parse(&globals, &global_line, argc > 0 ? argc - 1 : 0, argv + 1);
	flags->log = globals.values[GLOBAL_LOG];
	flags->format = globals.values[GLOBAL_LOG_FORMAT];
	flags->command = globals.first;
	if (flags->log && flags->log[0] == 0)
		flags->log = 0;
}
