/*
 * Where the control socket is: its directory, its path, and the listening socket itself. Made in two steps, since a
 * directory in /run can be made by root alone, and the name is known when the node listens.
 */
#ifndef KITH_PLACE_H
#define KITH_PLACE_H

#include <stdbool.h>
#include <sys/un.h>

#include "base/problem.h"
#include "base/runtime_dir.h"
#include "settings/settings.h"

struct place {
	char directory[RUNTIME_DIR_BYTES]; /* of "auto"; "" for another */
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int fd;		     /* the listening socket; -1 for none */
	bool is_handed_over; /* by the service manager: its file is not ours */
	bool is_bound_here;  /* so it is removed at the end */
	bool is_second;	     /* another process has the usual path */
	size_t leftovers;    /* how many files of killed nodes were removed beside it */
};

/*
 * Before the process becomes its user. Takes the socket that the service manager hands over, if
 * there is one, whatever path the settings have. False with a problem, which is none for the node: it runs without a
 * control socket then. True with nothing done if the settings want none.
 */
bool place_prepare(struct place *place, const struct settings *settings, struct problem *problem);
/*
 * As that user: listens. A socket file that nobody listens to is replaced; if another process does, the path gets the
 * suffix -PID. With "auto", what killed nodes left in the directory is removed. False with a problem, as above.
 */
bool place_bind(struct place *place, const struct settings *settings, const struct address *listening,
		struct problem *problem);
/* Closes the socket, and removes its file. */
void place_fini(struct place *place);

#endif
