#include "listing.h"

#include "../text.h"

/* struct linux_dirent64 of getdents64(2). */
struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

const char *listing_next(struct listing *listing)
{
	for (;;) {
		const struct entry *entry;

		if (listing->at >= listing->size) {
			listing->at = 0;
			listing->size = sys3(__NR_getdents64, listing->directory, listing->buffer,
					     listing->room);
			if (listing->size <= 0)
				return 0;
		}
		entry = (const void *)(listing->buffer + listing->at);
		listing->at += entry->size;
		if (!text_equal(entry->name, ".") && !text_equal(entry->name, ".."))
			return entry->name;
	}
}
