/*
 * A control socket that the service manager has opened before this process began (systemd.socket(5), sd_listen_fds(3)):
 * there may be a file, a mode and a group for it that this process could not give it, and clients that wait already.
 */
#ifndef KITH_HANDOVER_H
#define KITH_HANDOVER_H

#include <stddef.h>
#include <sys/un.h>

enum { HANDOVER_PATH_BYTES = sizeof(((struct sockaddr_un *)NULL)->sun_path) };

/*
 * Takes the first of the descriptors handed over that is a listening UNIX stream socket, and writes its path, which is
 * "@NAME" for an abstract one. -1 if there is none. What else is handed over is closed, with a warning. Once.
 */
int handover_take(char path[static HANDOVER_PATH_BYTES]);

#endif
