#include "checksum.h"

#define PRIME_1 2654435761U
#define PRIME_2 2246822519U
#define PRIME_3 3266489917U
#define PRIME_4 668265263U
#define PRIME_5 374761393U
#define LANES 4

BRUN_INLINE uint32_t rotate(uint32_t value, unsigned int bits)
{
	return value << bits | value >> (32 - bits);
}

static uint32_t mix(uint32_t hash)
{
	hash = (hash ^ hash >> 15) * PRIME_2;
	hash = (hash ^ hash >> 13) * PRIME_3;
	return hash ^ hash >> 16;
}

/* Updates a lane with its next word. */
BRUN_INLINE uint32_t take(uint32_t lane, uint32_t word)
{
	return rotate(lane + word * PRIME_2, 13) * PRIME_1;
}

/* The lanes are separate variables, so that they stay in registers. */
uint32_t checksum(const unsigned char *data, size_t size)
{
	const uint32_t *word = (const uint32_t *)(const void *)data;
	size_t left = size / sizeof(*word);
	uint32_t hash = PRIME_5;
	uint32_t first = PRIME_1 + PRIME_2;
	uint32_t second = PRIME_2;
	uint32_t third = 0;
	uint32_t fourth = 0U - PRIME_1;

	for (; left >= LANES; left -= LANES, word += LANES) {
		first = take(first, word[0]);
		second = take(second, word[1]);
		third = take(third, word[2]);
		fourth = take(fourth, word[3]);
	}
	if (size >= LANES * sizeof(*word))
		hash = rotate(first, 1) + rotate(second, 7) + rotate(third, 12) + rotate(fourth, 18);
	hash += (uint32_t)size;
	for (; left > 0; left--)
		hash = rotate(hash + *word++ * PRIME_3, 17) * PRIME_4;
	return mix(hash);
}
