/*
 * Where kithd puts its control socket, and where kith looks for it: a directory that lasts as long as the machine runs.
 * They are, in this order: $RUNTIME_DIRECTORY, which systemd makes for a unit (/run/kithd); /run/kith for root;
 * $XDG_RUNTIME_DIR/kith, or /tmp/kith-UID where there is none.
 */
#ifndef KITH_RUNTIME_DIR_H
#define KITH_RUNTIME_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/problem.h"

enum { RUNTIME_DIR_BYTES = 192 };

/* The one that a daemon uses which runs as this user. */
void runtime_dir_own(uid_t uid, char out[static RUNTIME_DIR_BYTES]);

/* The ones in which this user may find a daemon's socket, the most likely first. How many were written. */
enum { RUNTIME_DIRS = 5 };
size_t runtime_dir_list(uid_t uid, char out[static RUNTIME_DIRS][RUNTIME_DIR_BYTES]);

/*
 * Makes the directory if there is none, for this user and group. One in /tmp must be no link, the user's own and nobody
 * else's, since everybody can make one there. False with a problem.
 */
bool runtime_dir_make(const char *path, uid_t uid, gid_t gid, struct problem *problem);

#endif
