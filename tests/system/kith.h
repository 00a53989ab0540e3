/*
 * Runs of the program kith: what it prints, and how it ends. The binary is what the environment variable KITH names,
 * else the one beside that of KITHD, else build/kith. It is killed when this process dies.
 */
#ifndef KITH_TEST_KITH_H
#define KITH_TEST_KITH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "harness.h"

/* How to run it in a special way. Members that are NULL or 0 mean: as usual. */
struct kith_how {
	const char *const *environment; /* "NAME=VALUE", or "NAME" to unset it; ended by NULL */
	uid_t uid;			/* as that user, without groups */
	int columns;	    /* stdout is a terminal of that many columns; what it prints is in out, with CR LF */
	const char *output; /* stdout is this file */
	bool has_no_reader; /* stdout is a pipe that nobody reads */
};

/* The path of the program. */
const char *kith_program(void);

struct kith_run {
	const char *out, *err; /* kept until the end of the test */
	int status;	       /* or 128 and the number of the signal that killed it */
};

/* The path of the program. */
const char *kith_program(void);

/* The arguments are separated by single spaces; within ' they are not parted. Waits for its end. */
struct kith_run kith_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct kith_run kith_run_as(const struct kith_how *how, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One that goes on: returns at once. */
struct kith;
struct kith *kith_spawn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What it has printed so far; borrowed until the next call. */
const char *kith_output(struct kith *kith);
pid_t kith_pid(const struct kith *kith);
/* Waits for its end. */
struct kith_run kith_wait(struct kith *kith);

/*
 * Something at a path that answers requests like a node, in a process of its own: for each line that has the request's
 * name in it, that text, in which ' stands for ". For any other request, the error unknown_request.
 */
struct fake_answer {
	const char *request, *text;
};
/* Ended by a request that is NULL. If it stops, it goes away after its first answer. */
void fake_node(const char *path, const struct fake_answer *answers, bool stops);

/* For harness_end. */
void kith_stop_all(void);

#ifndef HARNESS_INSIDE
#define kith_run(...) (harness_at(__FILE__, __LINE__), kith_run(__VA_ARGS__))
#define kith_run_as(...) (harness_at(__FILE__, __LINE__), kith_run_as(__VA_ARGS__))
#define kith_wait(...) (harness_at(__FILE__, __LINE__), kith_wait(__VA_ARGS__))
#endif

#endif
