/*
 * Reads a state.json as brun writes it, by JSON.stringify() without blanks. What is valid is narrower than JSON, so that
 * a text which is taken here is read in the same way by parseState() of src/container/state/store.ts.
 */
#ifndef BRUN_FRONT_STORED_STATE_H
#define BRUN_FRONT_STORED_STATE_H

#include "../sys.h"

struct stored_state {
	const char *oci_version;
	const char *bundle;
	const char *rootfs;
	const char *created;
	uint64_t pid;
	uint64_t start_time;
	const char *freezer;     /* the file that tells whether its cgroup is frozen, or "" */
	const char *annotations; /* as JSON, "{}" if there are none */
};

/*
 * Whether the text is the state of the container `id`, which is complete, and whose strings can
 * be shown as they are. Writes NULs into the text, in which the strings stay.
 */
int stored_state_read(struct stored_state *state, char *text, size_t size, const char *id);

#endif
