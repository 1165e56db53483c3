#include "checksum.h"

#define PRIME_1 2654435761U
#define PRIME_2 2246822519U
#define PRIME_3 3266489917U
#define PRIME_4 668265263U
#define PRIME_5 374761393U
#define LANES 4

static uint32_t rotate(uint32_t value, unsigned int bits)
{
	return value << bits | value >> (32 - bits);
}

static uint32_t mix(uint32_t hash)
{
	hash = (hash ^ hash >> 15) * PRIME_2;
	hash = (hash ^ hash >> 13) * PRIME_3;
	return hash ^ hash >> 16;
}

uint32_t checksum(const unsigned char *data, size_t size)
{
	static const uint32_t begin[LANES] = {PRIME_1 + PRIME_2, PRIME_2, 0, 0U - PRIME_1};
	static const unsigned char turns[LANES] = {1, 7, 12, 18};
	const uint32_t *word = (const uint32_t *)(const void *)data;
	size_t left = size / sizeof(*word);
	uint32_t hash = 0;
	uint32_t lanes[LANES];

	copy(lanes, begin, sizeof(lanes));
	for (; left >= LANES; left -= LANES)
		for (unsigned int i = 0; i < LANES; i++)
			lanes[i] = rotate(lanes[i] + *word++ * PRIME_2, 13) * PRIME_1;
	if (size >= sizeof(lanes))
		for (unsigned int i = 0; i < LANES; i++)
			hash += rotate(lanes[i], turns[i]);
	else
		hash = PRIME_5;
	hash += (uint32_t)size;
	for (; left > 0; left--)
		hash = rotate(hash + *word++ * PRIME_3, 17) * PRIME_4;
	return mix(hash);
}
