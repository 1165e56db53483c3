#include "stored-state.h"

#include "../text.h"

#define DEPTH_MAX 16
/* So that a number with as many digits is exact in JavaScript, and fits into a pid or a time in ticks. */
#define DIGITS_MAX 15

/* Members that list needs, or that say that it needs more than this. */
enum member {
	MEMBER_VERSION,
	MEMBER_OCI_VERSION,
	MEMBER_ID,
	MEMBER_BUNDLE,
	MEMBER_ROOTFS,
	MEMBER_CREATED,
	MEMBER_PID,
	MEMBER_START_TIME,
	NEEDED,
	MEMBER_CREATING = NEEDED,
	MEMBER_CGROUP,
	MEMBER_ANNOTATIONS,
	MEMBER_FREEZER, /* with a cgroup, unless an older brun has made the container */
	MEMBERS,
};

static const char *const member_names[] = {
    [MEMBER_VERSION] = "version", [MEMBER_OCI_VERSION] = "ociVersion",  [MEMBER_ID] = "id",
    [MEMBER_BUNDLE] = "bundle",   [MEMBER_ROOTFS] = "rootfs",           [MEMBER_CREATED] = "created",
    [MEMBER_PID] = "pid",         [MEMBER_START_TIME] = "startTime",    [MEMBER_CREATING] = "creating",
    [MEMBER_CGROUP] = "cgroup",   [MEMBER_ANNOTATIONS] = "annotations", [MEMBER_FREEZER] = "freezer",
};

/* A value in the text. A string is without its quotes. */
struct value {
	char *at;
	size_t size;
	int is_string;
	int has_escapes;
};

static int is_hexadecimal(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The end of an escape that begins at its backslash, or null. */
static char *after_escape(char *at)
{
	const char *c = "\"\\/bfnrt";

	at++;
	while (*c != 0 && *c != *at)
		c++;
	if (*c != 0)
		return at + 1;
	if (*at++ != 'u')
		return 0;
	for (int i = 0; i < 4; i++)
		if (!is_hexadecimal(*at++))
			return 0;
	return at;
}

/* Each of these functions returns the end of what begins at `at`, or null if it is something else. */
static char *after_string(char *at, struct value *value)
{
	if (*at++ != '"')
		return 0;
	*value = (struct value){at, 0, 1, 0};
	while (*at != '"') {
		/* Also the NUL at the end. */
		if (*at < ' ' || *at > '~')
			return 0;
		value->has_escapes |= *at == '\\';
		at = *at == '\\' ? after_escape(at) : at + 1;
		if (!at)
			return 0;
	}
	value->size = (size_t)(at - value->at);
	return at + 1;
}

static char *after_number(char *at)
{
	if (*at == '-')
		at++;
	if (*at == '0')
		return at + 1;
	if (!is_digit(*at))
		return 0;
	while (is_digit(*at))
		at++;
	return at;
}

static char *after_word(char *at, const char *word)
{
	return text_after(at, word) ? at + text_length(word) : 0;
}

/* true, false, null or an integer. */
static char *after_plain(char *at)
{
	switch (*at) {
	case 't':
		return after_word(at, "true");
	case 'f':
		return after_word(at, "false");
	case 'n':
		return after_word(at, "null");
	default:
		return after_number(at);
	}
}

static char *after_value(char *at, struct value *value);

/* The members of an object, or the elements of a list. */
static char *after_members(char *at, char close)
{
	static int depth;
	struct value skipped;

	if (*++at == close)
		return at + 1;
	if (depth == DEPTH_MAX)
		return 0;
	depth++;
	for (;;) {
		if (close == '}') {
			at = after_string(at, &skipped);
			at = at && *at == ':' ? at + 1 : 0;
		}
		if (at)
			at = after_value(at, &skipped);
		if (!at || *at != ',')
			break;
		at++;
	}
	depth--;
	return at && *at == close ? at + 1 : 0;
}

static char *after_value(char *at, struct value *value)
{
	char *end;

	if (*at == '"')
		return after_string(at, value);
	end = *at == '{' ? after_members(at, '}') : *at == '[' ? after_members(at, ']') : after_plain(at);
	*value = (struct value){at, end ? (size_t)(end - at) : 0, 0, 0};
	return end;
}

/* Whether a value consists of these bytes. */
static int is_text(const struct value *value, const char *text)
{
	return value->size == text_length(text) && text_after(value->at, text) != 0;
}

/* The member with this name, or MEMBERS. */
static unsigned int member_of(const struct value *name)
{
	unsigned int member = 0;

	while (member < MEMBERS && !is_text(name, member_names[member]))
		member++;
	return member;
}

/* Reads all members of the state. A value that is missing stays null. */
static int read_members(struct value *values, char *at, const char *end)
{
	if (*at != '{')
		return 0;
	do {
		struct value name;
		struct value value;
		unsigned int member;

		at = after_string(at + 1, &name);
		if (!at || *at != ':' || name.has_escapes)
			return 0;
		at = after_value(at + 1, &value);
		if (!at)
			return 0;
		member = member_of(&name);
		if (member == MEMBERS)
			continue;
		/* Of two members with the same name the last one counts. */
		if (values[member].at)
			return 0;
		values[member] = value;
	} while (*at == ',');
	return *at == '}' && at + 1 == end;
}

/* A number above 0, or 0 for anything else. */
static uint64_t number_of(const struct value *value)
{
	uint64_t number = 0;

	if (value->size > DIGITS_MAX)
		return 0;
	for (size_t i = 0; i < value->size; i++) {
		if (!is_digit(value->at[i]))
			return 0;
		number = number * 10 + (uint64_t)(value->at[i] - '0');
	}
	return number;
}

/* The string, which gets its NUL; null if it is none that can be shown as it is. */
static const char *string_of(const struct value *value)
{
	if (!value->is_string || value->has_escapes)
		return 0;
	value->at[value->size] = 0;
	return value->at;
}

/* An object as JSON.stringify() writes it; null if it may write it in another way. */
static const char *object_of(const struct value *value)
{
	if (value->is_string || value->at[0] != '{')
		return 0;
	/* Escapes that it uses for no ASCII, or seldom. */
	for (size_t i = 0; i + 1 < value->size; i++) {
		if (value->at[i] != '\\')
			continue;
		i++;
		if (value->at[i] == 'u' || value->at[i] == '/')
			return 0;
	}
	value->at[value->size] = 0;
	return value->at;
}

int stored_state_read(struct stored_state *state, char *text, size_t size, const char *id)
{
	struct value values[MEMBERS];

	zero(values, sizeof(values));
	text[size] = 0;
	if (!read_members(values, text, text + size))
		return 0;
	for (unsigned int i = 0; i < NEEDED; i++)
		if (!values[i].at)
			return 0;
	if (values[MEMBER_CREATING].at || !values[MEMBER_CGROUP].at != !values[MEMBER_FREEZER].at)
		return 0;
	if (values[MEMBER_VERSION].is_string || !is_text(&values[MEMBER_VERSION], "1") ||
	    !values[MEMBER_ID].is_string || !is_text(&values[MEMBER_ID], id) ||
	    values[MEMBER_PID].is_string || !values[MEMBER_START_TIME].is_string)
		return 0;
	state->pid = number_of(&values[MEMBER_PID]);
	state->start_time = number_of(&values[MEMBER_START_TIME]);
	state->oci_version = string_of(&values[MEMBER_OCI_VERSION]);
	state->bundle = string_of(&values[MEMBER_BUNDLE]);
	state->rootfs = string_of(&values[MEMBER_ROOTFS]);
	state->created = string_of(&values[MEMBER_CREATED]);
	state->annotations = values[MEMBER_ANNOTATIONS].at ? object_of(&values[MEMBER_ANNOTATIONS]) : "{}";
	state->freezer = values[MEMBER_FREEZER].at ? string_of(&values[MEMBER_FREEZER]) : "";
	return state->pid > 0 && state->start_time > 0 && state->oci_version && state->bundle &&
	       state->rootfs && state->created && state->annotations && state->freezer;
}
