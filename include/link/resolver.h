/* Names to addresses by c-ares: blocks its caller, and nobody else, and can be interrupted. */
#ifndef KITH_RESOLVER_H
#define KITH_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

#include "wire/address.h"

/* As many addresses of one name are used. */
enum { RESOLVER_ADDRESSES = 16 };

/* Once, before the first thread and after the last. 0, or what c-ares says. */
int resolver_library_init(void);
void resolver_library_fini(void);

/*
 * Looks host up and writes its addresses, each with this port. Blocks until the answer, until deadline_us, or until
 * wake_fd is readable. Returns NULL, or why there is no address (static text).
 */
const char *resolver_lookup(const char *host, uint16_t port, int wake_fd, int64_t deadline_us,
			    struct address addresses[static RESOLVER_ADDRESSES], size_t *count);

#endif
