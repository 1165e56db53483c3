#include "loader.h"

#include <linux/fcntl.h>
#include <linux/mman.h>

#define HEADERS_SIZE 1024

struct image {
	long fd;
	uint64_t page;
	uint64_t bias;
};

static uint64_t page_down(const struct image *image, uint64_t address)
{
	return address & ~(image->page - 1);
}

static uint64_t page_up(const struct image *image, uint64_t address)
{
	return page_down(image, address + image->page - 1);
}

static int protection(uint32_t flags)
{
	return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
	       (flags & PF_X ? PROT_EXEC : 0);
}

static long map(uint64_t at, uint64_t size, int prot, int flags, long fd, uint64_t offset)
{
	return sys6(__NR_mmap, (long)at, (long)size, prot, MAP_PRIVATE | flags, fd, (long)offset);
}

/* Maps one segment: its bytes of the file, followed by zeros. */
static long map_segment(const struct image *image, const struct elf_segment *segment)
{
	uint64_t address = image->bias + segment->vaddr;
	uint64_t start = page_down(image, address);
	uint64_t file_end = address + segment->filesz;
	uint64_t mapped_end = page_up(image, file_end);
	uint64_t end = page_up(image, address + segment->memsz);
	int prot = protection(segment->flags);
	long result = map(start, file_end - start, prot, MAP_FIXED, image->fd,
			  page_down(image, segment->offset));

	if (result < 0 || segment->memsz == segment->filesz)
		return result;
	zero((void *)(uintptr_t)file_end, mapped_end - file_end);
	if (end > mapped_end)
		return map(mapped_end, end - mapped_end, prot, MAP_FIXED | MAP_ANONYMOUS, -1, 0);
	return 0;
}

static long map_image(struct image *image, const struct elf_header *header,
		      const struct elf_segment *segments)
{
	uint64_t end = 0;
	long result;

	for (unsigned int i = 0; i < header->phnum; i++)
		if (segments[i].type == PT_LOAD && segments[i].vaddr + segments[i].memsz > end)
			end = segments[i].vaddr + segments[i].memsz;
	/* Reserves one range of addresses for all segments. A shared object begins at address 0. */
	result = map(0, page_up(image, end), PROT_NONE, MAP_ANONYMOUS, -1, 0);
	if (result < 0)
		return result;
	image->bias = (uint64_t)result;
	for (unsigned int i = 0; i < header->phnum && result >= 0; i++)
		if (segments[i].type == PT_LOAD)
			result = map_segment(image, &segments[i]);
	return result < 0 ? result : 0;
}

const char *interpreter_path(const struct behind *behind)
{
	for (uint64_t i = 0; i < behind->segment_count; i++)
		if (behind->segments[i].type == PT_INTERP)
			return (const char *)(uintptr_t)behind->segments[i].vaddr;
	return 0;
}

static uint64_t *auxiliary_value(struct auxiliary *auxv, uint64_t type)
{
	static uint64_t none;

	for (; auxv->type != AT_NULL; auxv++)
		if (auxv->type == type)
			return &auxv->value;
	return &none;
}

long load_interpreter(const struct behind *behind, struct auxiliary *auxv)
{
	union {
		struct elf_header elf;
		unsigned char bytes[HEADERS_SIZE];
	} header;
	const char *path = interpreter_path(behind);
	struct image image = {-1, *auxiliary_value(auxv, AT_PAGESZ), 0};
	long result;

	if (!path)
		return -ENOEXEC;
	image.fd = sys4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (image.fd < 0)
		return image.fd;
	result = sys3(__NR_read, image.fd, &header, sizeof(header));
	if (result >= (long)sizeof(header.elf) && header.elf.phoff % 8 == 0 &&
	    header.elf.phoff + header.elf.phnum * sizeof(struct elf_segment) <= (uint64_t)result)
		result = map_image(
		    &image, &header.elf,
		    (const struct elf_segment *)(const void *)(header.bytes + header.elf.phoff));
	else
		result = -ENOEXEC;
	sys1(__NR_close, image.fd);
	if (result < 0)
		return result;
	*auxiliary_value(auxv, AT_PHDR) = (uint64_t)(uintptr_t)behind->segments;
	*auxiliary_value(auxv, AT_PHNUM) = behind->segment_count;
	*auxiliary_value(auxv, AT_BASE) = image.bias;
	*auxiliary_value(auxv, AT_ENTRY) = behind->entry;
	return (long)(image.bias + header.elf.entry);
}
