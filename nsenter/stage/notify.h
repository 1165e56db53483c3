/* Passes sd_notify(3) messages of the container on to brun's service manager. */
#ifndef BRUN_NOTIFY_H
#define BRUN_NOTIFY_H

#include "../sys.h"

/*
 * Forwards one pending datagram. To READY it adds this process's pid as MAINPID, since this is
 * the main process outside.
 */
void notify_forward(int socket, int upstream);

#endif
