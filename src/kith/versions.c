#include "kith/versions.h"

#include "base/version.h"
#include "kith/screen.h"
#include "kith/table.h"
#include "kith/web_server.h"
#include "wire/json.h"
#include "wire/nodeid.h"

/* The headers above tell which C library it is. */
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

void kith_versions_print(void)
{
	const struct library libraries[] = {
		{"json-c", json_c_version()},
		{"libuuid", nodeid_library_version()},
		{"libsmartcols", table_library_version()},
		{"ncurses", screen_library_version()},
		{"libmicrohttpd", web_server_library_version()},
#ifdef __GLIBC__
		{"glibc", gnu_get_libc_version()},
#endif
	};
	version_print("kith", libraries, sizeof libraries / sizeof *libraries);
}
