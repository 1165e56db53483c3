/* The ELF definitions that the front needs. <elf.h> belongs to libc. */
#ifndef BRUN_FRONT_ELF_H
#define BRUN_FRONT_ELF_H

#include "../sys.h"

#define PT_LOAD 1
#define PT_INTERP 3
#define PF_X 1U
#define PF_W 2U
#define PF_R 4U

#define AT_NULL 0
#define AT_PHDR 3
#define AT_PHNUM 5
#define AT_PAGESZ 6
#define AT_BASE 7
#define AT_ENTRY 9

struct elf_header {
	unsigned char ident[16];
	uint16_t type;
	uint16_t machine;
	uint32_t version;
	uint64_t entry;
	uint64_t phoff;
	uint64_t shoff;
	uint32_t flags;
	uint16_t ehsize;
	uint16_t phentsize;
	uint16_t phnum;
	uint16_t shentsize;
	uint16_t shnum;
	uint16_t shstrndx;
};

struct auxiliary {
	uint64_t type;
	uint64_t value;
};

#endif
