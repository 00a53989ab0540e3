#include "base/version.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The Makefile compiles this file anew when the commit changes, and no other. */
#ifndef KITH_COMMIT
#define KITH_COMMIT "unknown"
#endif

void version_print(const char *program, const struct library *libraries, size_t count)
{
	printf("%s %s\ncommit %s\nwith", program, KITH_VERSION, KITH_COMMIT);
	for (size_t i = 0; i < count; i++)
		printf("%s %s %s", i == 0 ? "" : ",", libraries[i].name,
		       libraries[i].version == NULL ? "(missing)" : libraries[i].version);
	puts("");
}

const char *version_of_file(void *function)
{
	static char path[PATH_MAX];
	Dl_info info;
	if (dladdr(function, &info) == 0 || realpath(info.dli_fname, path) == NULL)
		return "unknown";
	const char *suffix = strstr(path, ".so.");
	return suffix == NULL ? "unknown" : suffix + strlen(".so.");
}
