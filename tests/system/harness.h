/*
 * What all system tests use: waits that end when a condition holds, addresses that no other run of the suite uses,
 * and an end of each test that leaves nothing behind. One thread. A wait that is in vain ends the test.
 */
#ifndef KITH_TEST_HARNESS_H
#define KITH_TEST_HARNESS_H

#include <CUnit/CUnit.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * Before and after each test, passed or failed. The end stops every kithd and finds out whether it stopped as it
 * should.
 */
void harness_begin(void);
void harness_end(void);

/* Ends the test as failed. */
_Noreturn void harness_fail_at(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
#define harness_fail(...) harness_fail_at(__FILE__, __LINE__, __VA_ARGS__)

/* Where in a test the next call is, so that a failure within it is reported there. */
void harness_at(const char *file, int line);
_Noreturn void harness_fail_here(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* False if the test can't be made here, and then a line says why. */
bool harness_can(bool possible, const char *test, const char *why);
bool harness_is_root(const char *test);

/* The environment variable SLOW stretches every deadline: 1, or more for a build that is slow. */
double harness_slowness(void);
/* The moment that many seconds, stretched, from now; of clock_now_us. */
int64_t harness_deadline_us(double seconds);
/* A pause in a wait that began then: an eighth of what it has taken so far, so that long waits look seldom. */
void harness_pause(int64_t since_us);

enum { HARNESS_PATIENCE_S = 15 };

/* Waits until the condition, which is evaluated again and again, is true; once more when the time is over, since this
 * process may not have run for a while. */
#define AWAIT(condition) AWAIT_WITHIN(HARNESS_PATIENCE_S, condition)
#define AWAIT_WITHIN(seconds, condition)                                                                               \
	do {                                                                                                           \
		int64_t await_since_us = clock_now_us(), await_deadline_us = harness_deadline_us(seconds);             \
		bool await_is_over = false;                                                                            \
		while (!(condition)) {                                                                                 \
			if (await_is_over)                                                                             \
				harness_fail("waited in vain for: %s", #condition);                                    \
			harness_pause(await_since_us);                                                                 \
			await_is_over = clock_now_us() > await_deadline_us;                                            \
		}                                                                                                      \
	} while (0)

/* A text that is kept until the end of the test. */
const char *harness_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A host of this run's own in 127.0.0.0/8; number is from 1 to 250. */
const char *harness_host(int number);
/* A "host:port" that nothing in this run has used, each with a host of its own for the first 150. */
const char *harness_address(void);
/* A port that is free on every address of this machine. */
int harness_wildcard_port(void);

/*
 * Until the end of the test, what this process opens and starts is in a network namespace of its own, with nothing in
 * it but the loopback interface. Needs root.
 */
void harness_isolate(void);
/* Runs a command of iproute2 in the namespace that this process is in. */
void harness_ip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Takes a descriptor, and closes it at the end of the test. Returns it. */
int harness_keep_fd(int fd);
/* The contents of a file, kept until the end of the test; NULL if it can't be read. */
const char *harness_read_file(const char *path);
/* The path of a folder, which is removed at the end of the test with all the files in it. */
const char *harness_make_folder(void);
/* The path of a file with this content, which is removed at the end of the test. */
const char *harness_write_file(const char *content);

#include "base/sync.h"

#endif
