/* sd_notify(3) messages of the container, handed on to whoever started brun. */
#ifndef BRUN_NOTIFY_H
#define BRUN_NOTIFY_H

#include "sys.h"

/* Forwards one waiting datagram, with the MAINPID that the host knows when it says READY. */
void notify_forward(int socket, int upstream, int pid);

#endif
