#include "template.h"

#include "../plan/program.h"
#include "../text.h"

#include <linux/mman.h>

/* Of execve(2): the file, and arrays that words are filled into. */
#define FILE_ARGUMENT 0
#define ARGV_ARGUMENT 2
#define ENVP_ARGUMENT 3

/* The new program while it is put together. */
struct filling {
	unsigned char *data;
	size_t relocation; /* where the next one goes */
	size_t array;      /* where the next pointer is, of the blob */
	size_t string;     /* where the next string goes, of the strings */
	size_t blob;       /* where the blob begins */
	size_t strings;    /* and its strings */
};

static size_t texts_size(const struct words *words)
{
	size_t size = 0;

	for (unsigned int i = 0; words && i < words->count; i++)
		size += text_length(words->at[i]) + 1;
	return size;
}

/* With the null pointer. */
static size_t array_size(const struct words *words)
{
	return words ? sizeof(uint64_t) * (words->count + 1) : 0;
}

/* Strings behind those that there are, and pointers to them behind the structs. */
static void append(struct filling *filling, const struct words *words)
{
	for (unsigned int i = 0; i < words->count; i++) {
		size_t size = text_length(words->at[i]) + 1;
		struct relocation *relocation = (void *)(filling->data + filling->relocation);

		copy(filling->data + filling->strings + filling->string, words->at[i], size);
		relocation->at = (uint32_t)filling->array;
		relocation->target = (uint32_t)filling->string;
		filling->relocation += sizeof(*relocation);
		filling->array += sizeof(uint64_t);
		filling->string += size;
	}
	filling->array += sizeof(uint64_t);
}

static void set_argument(struct op *op, unsigned int argument, unsigned int type, uint64_t value)
{
	op->types = (uint16_t)((op->types & ~(3U << (2 * argument))) | (type << (2 * argument)));
	op->args[argument] = value;
}

/* Lets it find and execute the file, with these arrays. */
static void fill_operations(const struct filling *filling, uint32_t count, uint64_t file, uint64_t argv,
			    const uint64_t *envp)
{
	struct op *ops = (void *)(filling->data + sizeof(struct program_header));

	for (uint32_t i = 0; i < count; i++) {
		if (ops[i].kind == OP_FIND || ops[i].kind == OP_EXECUTE)
			set_argument(&ops[i], FILE_ARGUMENT, ARG_STRING, file);
		if (ops[i].kind != OP_EXECUTE)
			continue;
		set_argument(&ops[i], ARGV_ARGUMENT, ARG_BLOB, argv);
		if (envp)
			set_argument(&ops[i], ENVP_ARGUMENT, ARG_BLOB, *envp);
	}
}

unsigned char *template_fill(unsigned char *template, size_t template_size, const struct words *argv,
			     const struct words *envp, size_t *size)
{
	struct program_header header;
	struct program program;
	struct filling filling;
	size_t arrays = array_size(argv) + array_size(envp);
	size_t texts = texts_size(argv) + texts_size(envp);
	size_t fresh = (argv->count + (envp ? envp->count : 0)) * sizeof(struct relocation);
	size_t head;
	uint32_t strings;
	uint64_t argv_at;
	uint64_t envp_at;
	long memory;

	/* From here on sizes and offsets are known to be right. */
	if (program_decode(&program, template, template_size) < 0)
		return 0;
	header = *(const struct program_header *)(const void *)template;
	if (argv->count == 0 || header.strings % 8 != 0 || arrays + fresh + texts > PROGRAM_MAX / 2)
		return 0;
	head = template_size - header.blob;
	strings = header.blob - header.strings;
	*size = template_size + fresh + arrays + texts;
	memory = sys6(__NR_mmap, 0, (long)*size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory < 0)
		return 0;
	filling = (struct filling){
	    .data = (unsigned char *)(uintptr_t)memory,
	    .relocation = head,
	    .array = header.strings,
	    .string = strings,
	    .blob = head + fresh,
	    .strings = head + fresh + header.strings + arrays,
	};
	copy(filling.data, template, head);
	copy(filling.data + filling.blob, template + head, header.strings);
	copy(filling.data + filling.strings, template + head + header.strings, strings);
	argv_at = filling.array;
	append(&filling, argv);
	envp_at = filling.array;
	if (envp)
		append(&filling, envp);
	fill_operations(&filling, header.ops, strings, argv_at, envp ? &envp_at : 0);
	header.relocations += (uint32_t)(fresh / sizeof(struct relocation));
	header.blob += (uint32_t)(arrays + texts);
	header.strings += (uint32_t)arrays;
	*(struct program_header *)(void *)filling.data = header;
	return filling.data;
}
