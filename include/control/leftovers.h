/*
 * The files of control sockets whose kithd was killed: nobody removes them until a node of the same address starts.
 * Each node that starts removes those that it finds beside its own. Any thread.
 */
#ifndef KITH_LEFTOVERS_H
#define KITH_LEFTOVERS_H

#include <stdbool.h>
#include <stddef.h>

/* Is there a process that has bound this path, whether it listens already or not? It does not notice the question. */
bool leftovers_is_bound(const char *path);

/*
 * Removes those of the directory that have the name of a node's socket, belong to this user, and are bound by nobody.
 * Other nodes may start, stop and do the same meanwhile. How many were removed.
 */
size_t leftovers_remove(const char *directory);

#endif
