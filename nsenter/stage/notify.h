/* sd_notify(3) messages of the container, handed on to whoever started brun. */
#ifndef BRUN_NOTIFY_H
#define BRUN_NOTIFY_H

#include "../sys.h"

/* Forwards one waiting datagram; when it says READY, with our own pid as MAINPID: we are the service outside. */
void notify_forward(int socket, int upstream);

#endif
