/*
 * Names to addresses by c-ares: blocks its caller, and nobody else, and can be interrupted. IPv4 and IPv6 addresses are
 * asked for separately: what drops questions for one family doesn't cost the other.
 */
#ifndef KITH_RESOLVER_H
#define KITH_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/address.h"

/* At most this many addresses of one name are used; of more, a random choice. */
enum { RESOLVER_ADDRESSES = 16 };

/*
 * How long the second family is waited for once the first has brought addresses. RFC 8305, 3, suggests 50 ms before a
 * dial; a name is looked up once for many dials, so there is time for a slow name server.
 */
#define RESOLVER_OTHER_FAMILY_US ((int64_t)500 * 1000)

struct resolver_answer {
	struct address addresses[RESOLVER_ADDRESSES];
	size_t count;
	const char *problem; /* why there is no address (static text); NULL if there is one */
	bool is_unanswered;  /* no name server answered: this says nothing about the name */
};

/* Once, before the first thread and after the last. 0, or what c-ares says. */
int resolver_library_init(void);
void resolver_library_fini(void);
const char *resolver_library_version(void);

/*
 * Looks host up and gives its addresses this port. Blocks until the answer, until deadline_us, or until wake_fd is
 * readable. Time-outs and tries are chosen so that every name server of /etc/resolv.conf is asked twice by then,
 * whatever that file says of them; after a look-up that had to wait for a silent server, the next one begins with the
 * server after it.
 */
struct resolver_answer resolver_lookup(const char *host, uint16_t port, int wake_fd, int64_t deadline_us);

#endif
