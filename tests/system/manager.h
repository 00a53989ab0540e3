/*
 * A service manager, as systemd is one for kithd: a datagram socket that hears what a kithd tells, and the environment
 * that it starts one with. One thread.
 */
#ifndef KITH_TEST_MANAGER_H
#define KITH_TEST_MANAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kithd;

enum { MANAGER_FDS = 3 };

/* What one is started with. */
struct manager {
	const char *notify_socket; /* NULL for none; "@NAME" is abstract */
	int64_t watchdog_us;	   /* 0 for none */
	bool is_for_another;	   /* the variables with a PID name another process */
	int fds[MANAGER_FDS];	   /* handed over as 3, 4 ... */
	int fd_count;
	const char *runtime_directory; /* NULL for none */
	/* The manager's own. */
	int fd;
	const char *heard; /* the lines so far */
};

/* Listens at that name, or at a path of its own for NULL, until the end of the test. */
void manager_listen(struct manager *manager, const char *name);
/* Starts a kithd; the arguments are separated by single spaces. */
struct kithd *manager_start(const struct manager *manager, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* How many of the lines heard so far begin with this. */
int manager_heard(struct manager *manager, const char *line);
/* The last of them; "" for none. Kept until the end of the test. */
const char *manager_last(struct manager *manager, const char *line);
/* All of them, for messages. */
const char *manager_all(struct manager *manager);

#endif
