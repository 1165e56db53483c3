#include "sandbox-words.h"

#define KEY_MAX 256

static const char *key[KEY_MAX];

void sandbox_key(struct command *command, const char *directory)
{
	key[command->key.count - 2] = directory;
}

int sandbox_words(struct command *command, int count, const char *const *words)
{
	static char directory[PATH_SIZE];
	size_t length = 0;
	int end = 0;

	while (end < count && !text_equal(words[end], "--"))
		end++;
	/* Without a program, or with nothing after "--", brun runs a shell. */
	if (end + 1 == count)
		return 0;
	command->part = PART_ENTER;
	command->id = 0;
	/* The path of an unreachable directory begins with "(". */
	if (sys2(__NR_getcwd, directory, sizeof(directory)) < 0 || directory[0] != '/')
		return 0;
	for (; length < KEY_MAX - 2 && (int)length < count && (int)length <= end; length++)
		key[length] = words[length];
	if ((int)length < count && (int)length <= end)
		return 0;
	/* The plan contains the path of the state directory, which a mount covers. */
	key[length + 1] = command->root;
	command->key = (struct texts){key, length + 2};
	command->directory = directory;
	sandbox_key(command, ANY_DIRECTORY);
	command->words = (struct texts){words + end + 1, end < count ? (size_t)(count - end - 1) : 0};
	return 1;
}
