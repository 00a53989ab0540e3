/*
 * The seam between kithd and the system, where a test makes calls fail. tests/fault links the shipped objects, all of
 * src as it is, with the linker's --wrap: each call of src to a function of the system goes through seam.c, which
 * counts it and passes it on, or returns what the system returns when it refuses. The test and the node that it starts
 * have this struct in a memory that they share, so that a call can be armed while the node runs.
 *
 * GnuTLS is loaded by src, so its allocators can be exchanged: they are on this side of the seam, but for realloc,
 * after whose failure GnuTLS 3.7.9 itself loses 2 kB (tests/unit/test_tls.c has that).
 *
 * What is beyond the seam: calls that the other libraries make themselves. That json-c, c-ares and libconfig report a
 * want of memory to their caller is seen (SEAM_JSON, SEAM_RESOLVER), what they do without memory in the midst of their
 * own work is not. json-c 0.16 crashes where it has no memory for the key of an object that it reads (it hashes a
 * NULL), and libconfig 1.5 wherever it has none; no caller can prevent that. Nor are locks, condition variables and
 * clocks made to fail, since on Linux they can't: src ends the process there, by must().
 */
#ifndef KITH_TEST_SEAM_H
#define KITH_TEST_SEAM_H

#include <stdatomic.h>
#include <stdint.h>

/* The environment variable that has the number of the descriptor of the shared memory. */
#define SEAM_VARIABLE "KITH_SEAM"

enum seam_kind {
	SEAM_NOTHING,
	SEAM_MEMORY,
	SEAM_JSON,     /* json-c says that it has no memory */
	SEAM_RESOLVER, /* so does c-ares */
	SEAM_THREAD,
	SEAM_SOCKET,
	SEAM_CONNECT,
	SEAM_LISTEN, /* bind and listen */
	SEAM_ACCEPT,
	SEAM_RECEIVE,
	SEAM_SEND,
	SEAM_OPTION, /* setsockopt, getsockopt, getsockname, fcntl */
	SEAM_POLL,
	SEAM_PIPE,
	SEAM_OPEN,
	SEAM_READ,
	SEAM_WRITE,
	SEAM_SYNC,
	SEAM_RENAME,
	SEAM_UNLINK,
	SEAM_FOLDER, /* mkdir, flock, faccessat */
	SEAM_STATUS, /* fstat, stat */
	SEAM_RANDOM,
	SEAM_OF_PRIVATE,	    /* those from here on are a private node's alone */
	SEAM_MAP = SEAM_OF_PRIVATE, /* mmap, mlock */
	SEAM_LIBRARY,		    /* dlopen */
	SEAM_TLS_MEMORY,	    /* what GnuTLS takes for itself */
	SEAM_KINDS
};

/* In the place of an errno: the call does only a part, one byte, of what it was asked for. */
enum { SEAM_PART = -1 };

enum { SEAM_SITES = 1024 };

/* A place in the program from which calls are made. */
struct seam_site {
	atomic_uintptr_t offset; /* in the program, of the return address; 0 for none */
	atomic_int kind;
	atomic_uint calls, failed;
};

struct seam {
	atomic_int fd; /* of this memory, in the test */
	/* What is armed; kind is set last. */
	atomic_int kind;
	atomic_int error;
	atomic_uint pass; /* so many calls go through, and so many of those after them fail */
	atomic_uint fail;
	/* Since it was armed. */
	atomic_uint calls;
	atomic_uint failed;
	atomic_int port; /* of the far end of the socket whose call failed last; 0 for none */
	/* Since the beginning. */
	struct seam_site sites[SEAM_SITES];
};

#endif
