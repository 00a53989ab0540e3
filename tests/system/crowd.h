/*
 * A process with many clients of the control socket, each of which sends the same over and over, as fast as it is
 * taken, and reads all or nothing. It dies with the test.
 */
#ifndef KITH_TEST_CROWD_H
#define KITH_TEST_CROWD_H

#include <stdbool.h>
#include <stddef.h>

struct crowd;

/* Returns when all are connected and have sent something. */
struct crowd *crowd_start(const char *path, size_t clients, const char *text, size_t bytes, bool reads);
/* All its connections end with it. The crowd may be NULL. */
void crowd_stop(struct crowd *crowd);

#endif
