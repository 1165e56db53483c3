/*
 * Hooks of containers with --allow-net, which have nothing to decide: one starts the relay and waits until that is ready,
 * and one waits for its end. Like src/net/start.ts and awaitEnd() of src/net/control.ts, which do it in a brun without
 * the front. Bun would take longer to start than they take to run.
 */
#ifndef BRUN_FRONT_HOOK_H
#define BRUN_FRONT_HOOK_H

/* Does `sandbox-hook connect relay` and `sandbox-hook disconnect relay`, and ends. Returns if Bun has to do the command. */
void hook_run(int argc, const char *const *argv);

#endif
