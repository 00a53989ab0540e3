/* Control sockets on this machine: which there are, and what keeps this user from one. */
#ifndef KITH_SOCKETS_H
#define KITH_SOCKETS_H

#include <stddef.h>
#include <sys/un.h>

#include "kith/outcome.h"

enum { SOCKET_PATH_BYTES = sizeof(((struct sockaddr_un *)NULL)->sun_path), SOCKETS_MOST = 64 };

/* A socket, and what came of connecting to it. */
struct socket_found {
	char path[SOCKET_PATH_BYTES];
	int fd;	   /* connected; -1 if that failed */
	int error; /* why, an errno */
};

struct sockets {
	struct socket_found found[SOCKETS_MOST];
	size_t count;
	char closed_directory[SOCKET_PATH_BYTES]; /* one that this user may not read; "" for none */
};

/* Adds the sockets ("*.sock") of a directory, in the order of their names, and connects to each. */
void sockets_look_in(struct sockets *sockets, const char *directory);
/* Adds that one. False if the path is too long for a socket. */
bool sockets_look_at(struct sockets *sockets, const char *path);
/* How many are connected, or failed with that error. */
size_t sockets_count_connected(const struct sockets *sockets);
const struct socket_found *sockets_find_failed(const struct sockets *sockets, int error);
void sockets_close(struct sockets *sockets);

/* Says why the socket, or the directory, can't be used, and what to do. */
enum outcome sockets_complain(const char *path, int error);

#endif
