/* Control sockets on this machine: which there are, and what keeps this user from one. */
#ifndef KITH_SOCKETS_H
#define KITH_SOCKETS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "kith/outcome.h"

enum { SOCKET_PATH_BYTES = sizeof(((struct sockaddr_un *)NULL)->sun_path), SOCKETS_MOST = 256 };

/* A socket, and what came of connecting to it. */
struct socket_found {
	char path[SOCKET_PATH_BYTES];
	int fd;	   /* connected; -1 if that failed, or once it was taken out */
	int error; /* why it failed, an errno */
};

/* The nodes are bounded. Files that killed nodes have left are not: they cost one call each, and take no place. */
struct sockets {
	struct socket_found connected[SOCKETS_MOST];
	size_t count;
	size_t left_out; /* nodes beyond those */
	struct socket_found
		failed; /* of those that can't be asked, what is nearest to a node; its path is "" for none */
	char closed_directory[SOCKET_PATH_BYTES]; /* one that this user may not read; "" for none */
	int64_t patience_end_us;		  /* for all that do not accept; 0 before the first look */
};

/* Connects to the sockets ("*.sock") of a directory, in the order of their names. */
void sockets_look_in(struct sockets *sockets, const char *directory);
/* Connects to that one. False if the path is too long for a socket. */
bool sockets_look_at(struct sockets *sockets, const char *path);
/* A connection to that one; -1 with an errno, also where the node does not accept soon enough. Never blocks. */
int sockets_connect_at_once(const char *path, int *error);
void sockets_close(struct sockets *sockets);

/* Says why the socket, or the directory, can't be used, and what to do. */
enum outcome sockets_complain(const char *path, int error);

#endif
