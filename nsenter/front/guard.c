#include "guard.h"

#include "answers.h"
#include "command.h"
#include "environment.h"
#include "files.h"
#include "terminal.h"

#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

int part_fits(struct part part, size_t begin, size_t size)
{
	return part.offset % 8 == 0 && part.offset >= begin && part.offset <= size &&
	       part.size <= size - part.offset;
}

static int is_about_text(uint32_t kind)
{
	return kind <= INPUT_VARIABLE;
}

int guard_fits(const struct input *input, const unsigned char *file, size_t size)
{
	struct part about = input->about;

	if (!part_fits(about, 8, size) ||
	    (input->answer.offset != NO_ANSWER && !part_fits(input->answer, 8, size)))
		return 0;
	if (is_about_text(input->kind))
		return about.size > 0 && file[about.offset + about.size - 1] == 0;
	return input->kind != INPUT_CALL || about.size == sizeof(int64_t) * (1 + CALL_ARGUMENTS);
}

static int is_number(const struct question *question, long now)
{
	uint32_t low = (uint32_t)now;

	return is_answer(question, &low, sizeof(low));
}

long stamp_take(const char *path, uint32_t nofollow, struct stamp *stamp)
{
	struct question question = {.about = path, .detail = nofollow};

	question_forget();
	return question_stamp(&question, stamp);
}

static int is_stamp(const struct question *question)
{
	struct stamp now;

	return question_stamp(question, &now) == 0 && is_answer(question, &now, sizeof(now));
}

static int is_type(const struct question *question)
{
	const struct statx *status;
	long result = question_look(question, &status);

	return is_number(question, result < 0 ? result : status->stx_mode & S_IFMT);
}

/* Files that are not regular, such as FIFOs, are not opened. */
static int is_file(const struct question *question)
{
	const struct statx *status;

	return question->answer && question_look(question, &status) == 0 &&
	       (status->stx_mode & S_IFMT) == S_IFREG &&
	       file_holds(question->about, question->answer, question->size);
}

static int is_link(const struct question *question)
{
	char target[PATH_SIZE];
	long n;

	target[0] = 0;
	n = sys4(__NR_readlinkat, AT_FDCWD, question->about, target, sizeof(target));

	return n > 0 && is_answer(question, target, (size_t)n);
}

static int is_access(const struct question *question)
{
	return is_number(question, question_access(AT_FDCWD, question->about, question->detail));
}

static int is_file_system(const struct question *question)
{
	uint64_t status[15]; /* struct statfs: the type is first, the flags are eleventh */
	uint32_t now[2] = {0, 0};

	zero(status, sizeof(status));
	if (sys2(__NR_statfs, question->about, status) == 0) {
		now[0] = (uint32_t)status[0];
		now[1] = (uint32_t)status[10];
	}
	return is_answer(question, now, sizeof(now));
}

static int is_variable(const struct question *question, const char *const *envp)
{
	const char *value = environment_variable(envp, question->about);

	if (!value)
		return !question->answer;
	return is_answer(question, value, text_length(value));
}

static int is_call(const struct question *question)
{
	const int64_t *call = (const void *)question->about;

	return call && is_number(question, sys6(call[0], call[1], call[2], call[3], call[4], call[5], 0));
}

static int are_capabilities(const struct question *question)
{
	struct __user_cap_header_struct version = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	uint32_t now[2];

	zero(data, sizeof(data));
	if (sys2(__NR_capget, &version, data) < 0)
		return 0;
	now[0] = data[0].effective;
	now[1] = data[1].effective;
	return is_answer(question, now, sizeof(now));
}

static int is_limit(const struct question *question)
{
	uint64_t limit[2] = {0, 0};

	return sys4(__NR_prlimit64, 0, question->detail, 0, limit) == 0 &&
	       is_answer(question, &limit[1], sizeof(limit[1]));
}

static int is_as_it_was(const struct question *question, const char *const *envp)
{
	switch (question->kind) {
	case INPUT_FILE:
		return is_file(question);
	case INPUT_STAMP:
		return is_stamp(question);
	case INPUT_TYPE:
		return is_type(question);
	case INPUT_LINK:
		return is_link(question);
	case INPUT_ACCESS:
		return is_access(question);
	case INPUT_RIGHTS:
		return same_rights(question);
	case INPUT_FILE_SYSTEM:
		return is_file_system(question);
	case INPUT_VARIABLE:
		return is_variable(question, envp);
	case INPUT_CALL:
		return is_call(question);
	case INPUT_CAPABILITIES:
		return are_capabilities(question);
	case INPUT_LIMIT:
		return is_limit(question);
	case INPUT_TERMINAL:
		return is_number(question, host_terminal() >= 0);
	case INPUT_TTY:
		return is_number(question, is_terminal(question->detail));
	case INPUT_BACKGROUND:
		return is_number(question, is_in_background());
	case INPUT_STATUS:
		return same_status(question);
	case INPUT_IDENTITY:
		return same_identity(question);
	case INPUT_SHARED:
		return same_shared(question);
	case INPUT_NAMES:
		return same_names(question);
	case INPUT_FILE_IN_ROOT:
		return same_file_in_root(question);
	case INPUT_EXISTS_IN_ROOT:
		return same_existence_in_root(question);
	case INPUT_INSIDE:
		return same_place(question);
	case INPUT_OWN_WAY:
		return same_way(question);
	case INPUT_ENVIRONMENT:
		return same_environment(question, envp);
	case INPUT_MASK:
		return same_mask(question);
	default:
		return 0;
	}
}

int guard_agrees(const struct input *inputs, size_t count, const unsigned char *file, const char *const *envp)
{
	question_forget();
	for (size_t i = 0; i < count; i++) {
		const struct input *input = &inputs[i];
		struct part answer = input->answer;
		struct question question = {
		    .kind = input->kind,
		    .detail = input->detail,
		    .about = input->about.size > 0 ? (const char *)(file + input->about.offset) : 0,
		    .answer = answer.offset == NO_ANSWER ? 0 : file + answer.offset,
		    .size = answer.size,
		    .about_size = input->about.size,
		};

		if (!is_as_it_was(&question, envp))
			return 0;
	}
	return 1;
}
