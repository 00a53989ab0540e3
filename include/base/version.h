/*
 * What `-V` prints: the version of kith, the commit that it was built from, and the libraries that it runs with. Main
 * thread only.
 */
#ifndef KITH_VERSION_H
#define KITH_VERSION_H

#include <stddef.h>

struct library {
	const char *name, *version; /* no version: the library is not there */
};

void version_print(const char *program, const struct library *libraries, size_t count);

/*
 * Of a library that cannot be asked: the version at the end of its file's name, as 1.3.0 of libuuid.so.1.3.0. function
 * is one of its functions. It lasts until the next call.
 */
const char *version_of_file(void *function);

#endif
