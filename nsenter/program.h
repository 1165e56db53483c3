/*
 * A program: a flat list of operations that the stage executes one after the other. Written by
 * src/stage/encode.ts; the two files describe the same bytes.
 *
 *   header | ops | relocations | blob
 *
 * The blob is structs followed, from `strings` on, by NUL-terminated strings.
 *
 * All integers are little-endian. Jumps only go forward, so every program ends.
 */
#ifndef BRUN_PROGRAM_H
#define BRUN_PROGRAM_H

#include "sys.h"

#define PROGRAM_MAGIC 0x6e757262U /* "brun" */
#define PROGRAM_MAX (64U << 20)
#define PROGRAM_SLOTS 1024
#define NO_SLOT 0xffffU
#define ANY_ERRNO 255
#define BITS_INVERTED 8U
#define MODE_DIGITS 4
#define HOME_SIZE 1024

struct program_header {
	uint32_t magic;
	uint32_t ops;
	uint32_t relocations;
	uint32_t blob;
	uint32_t strings; /* offset of the first string in the blob */
	uint32_t reserved;
};

enum op_kind {
	OP_SYSCALL = 0, /* nr(args...) */
	OP_SEND = 1,    /* type, fd or -1, type of the awaited answer or 0, fd in place of the socket or 0 */
	OP_CLONE = 2,   /* clone flags, cgroup fd or -1: the child goes on, the parent reports it and ends */
	OP_CHECK = 3,   /* pointer, width, mask, expected value, errno if it differs */
	OP_POKE = 4,    /* pointer, value, width in bytes, or 0: as decimal text with a NUL */
	OP_SPAWN = 5,   /* struct spawn_request *, stdin fd or -1, time-out in ms or -1 */
	OP_BITS = 6,    /* nr(args...) for each bit of args[0], with args[args[1] & 7] being its number;
			   with BITS_INVERTED in args[1] for each bit that is not set */
	OP_TARGET =
	    7, /* root fd, relative path, resolve flags, 1 for a file: opens, making what is missing */
	OP_COPY =
	    8, /* directory fd, directory fd, 0 for the mode, 1 for the contents, COPY_FILE for the file of
			that name: see copy.h */
	OP_CLOEXEC = 9,  /* fd of /proc/self/fd, first descriptor: see fallback.h */
	OP_REMOUNT = 10, /* mount fd, path of it, flags to set, flags to clear: see fallback.h */
	OP_ALIVE = 11,   /* pid, start time: see alive.h */
	OP_FIND = 12,    /* file, PATH: see search.h */
	OP_EXECUTE = 13, /* file, PATH, argv, envp: see search.h */
	OP_MODE = 14,    /* pointer to MODE_DIGITS bytes, fd: see copy.h */
	OP_HOME = 15,    /* pointer to HOME_SIZE bytes, uid, path: see passwd.h */
	OP_INIT = 16,    /* see init.h */
	OP_KINDS
};

#define COPY_FILE 2

enum arg_type {
	ARG_IMMEDIATE = 0,
	ARG_BLOB = 1,  /* offset into the blob: becomes a pointer */
	ARG_SLOT = 2,  /* number of a slot: becomes its value */
	ARG_STRING = 3 /* offset into the blob's strings: becomes a pointer */
};

struct op {
	uint16_t kind;
	uint16_t nr;         /* OP_SYSCALL: number of the system call */
	uint16_t types;      /* two bits an argument: enum arg_type */
	uint16_t out;        /* slot that takes the result, or NO_SLOT */
	uint8_t handled[4];  /* errnos that are no failure; 0: none, ANY_ERRNO: all */
	uint32_t on_handled; /* op to go on with after one of them */
	uint32_t on_success; /* op to go on with otherwise */
	uint16_t closes[2];  /* slots whose descriptors are closed after success, or NO_SLOT */
	uint64_t args[6];
};

#define RELOCATE_BLOB 0x80000000U

struct relocation {
	uint32_t at;     /* blob offset of an 8-byte word that becomes a pointer */
	uint32_t target; /* to this offset among the strings, or with RELOCATE_BLOB in the whole blob */
};

struct program {
	const struct op *ops;
	const struct relocation *relocations;
	unsigned char *blob;
	uint32_t op_count;
	uint32_t relocation_count;
	uint32_t blob_size;
	uint32_t strings;
};

/* Checks every index, offset and jump of size bytes at data. Returns 0 or -errno (EBADMSG, EPROTO). */
long program_decode(struct program *program, unsigned char *data, size_t size);

/* Makes the blob's pointers. Call once after program_decode. */
void program_relocate(const struct program *program);

struct failure {
	uint32_t op;
	int32_t error;    /* positive errno */
	int64_t detail;   /* OP_SPAWN: wait status of a hook that failed */
	uint64_t program; /* how many programs ran before it in this stage */
};

/* What a running program can reach; slots live on from one program to the next. */
struct machine {
	int sync; /* socket to brun, or -1: OP_SEND and OP_CLONE fail with EBADF */
	int said; /* what the hook that has failed wrote to stderr, or -1 */
	int64_t slots[PROGRAM_SLOTS];
};

/* A machine that has not run a program yet, without a socket. */
BRUN_INLINE void machine_clear(struct machine *machine)
{
	machine->sync = machine->said = -1;
	for (unsigned int i = 0; i < PROGRAM_SLOTS; i++)
		machine->slots[i] = -1;
}

/* Runs a program to its end. Returns 0, or -1 with *failure set. Does not return after a successful execve. */
int program_run(struct machine *machine, const struct program *program, struct failure *failure);

#endif
