#ifndef BRUN_FRONT_SIGNAL_NAMES_H
#define BRUN_FRONT_SIGNAL_NAMES_H

/* The number of a signal: from 1 to 64, or a name with or without SIG. 0 for any other word. */
int signal_number(const char *word);

#endif
