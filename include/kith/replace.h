/* Files that others read while they are written: they find the old content or the new, never a part of it. */
#ifndef KITH_REPLACE_H
#define KITH_REPLACE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/problem.h"

/*
 * Gives the file this content and this mode, whatever the umask, also if the machine crashes meanwhile. Makes it if
 * there is none. Blocks until the disk has it. False with a problem that names the path.
 */
bool replace_file(const char *path, mode_t mode, const char *bytes, size_t length, struct problem *problem);

#endif
