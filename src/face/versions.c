#include "face/versions.h"

#include "base/version.h"
#include "link/resolver.h"
#include "link/tls_context.h"
#include "settings/settings.h"
#include "wire/json.h"
#include "wire/nodeid.h"

/* The headers above tell which C library it is. */
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

void versions_print(void)
{
	const struct library libraries[] = {
		{"json-c", json_c_version()},
		{"libuuid", nodeid_library_version()},
		{"libconfig", settings_library_version()},
		{"c-ares", resolver_library_version()},
		{"libsodium", secret_library_version()},
		{"GnuTLS", tls_context_library_version()},
#ifdef __GLIBC__
		{"glibc", gnu_get_libc_version()},
#endif
	};
	version_print("kithd", libraries, sizeof libraries / sizeof *libraries);
}
