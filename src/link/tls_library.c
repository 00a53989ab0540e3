#include "link/tls_library_priv.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

struct tls_library gnutls;

/*
 * GnuTLS frees the copies of a secret, and wipes them only where the handshake succeeds: a false claim
 * of an identity would leave a copy behind. So everything that it frees is wiped.
 */
static void wipe_and_free(void *memory)
{
	if (memory != NULL)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

bool tls_library_open(struct problem *problem)
{
	gnutls.handle = dlopen("libgnutls.so.30", RTLD_NOW | RTLD_LOCAL);
	bool has_all = gnutls.handle != NULL;
#define FIND(name) has_all = has_all && (*(void **)&gnutls.name = dlsym(gnutls.handle, "gnutls_" #name)) != NULL
	GNUTLS_SYMBOLS(FIND);
	if (!has_all)
		return problem_set(
			problem,
			"secret_file needs GnuTLS 3.6.13 or later: install it (Debian: libgnutls30), or mend what the "
			"system says: %s",
			dlerror());
	/* It has begun by itself, unless GNUTLS_NO_IMPLICIT_INIT is in the environment or it couldn't. */
	int result = gnutls.global_init();
	/* GNUTLS_DEBUG_LEVEL in the environment has GnuTLS write to stderr what is nobody's business. */
	gnutls.global_set_log_level(0);
	if (result != 0)
		return problem_set(problem, "GnuTLS doesn't start: %s", gnutls.strerror(result));
	*gnutls.free = wipe_and_free;
	return true;
}

void tls_library_close(void)
{
	gnutls.global_deinit();
}
