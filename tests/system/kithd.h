/*
 * A kithd process: started, watched through its log, asked for its peer table, signalled and awaited. The binary is
 * what the environment variable KITHD names, else build/kithd. It is killed when this process dies.
 */
#ifndef KITH_TEST_KITHD_H
#define KITH_TEST_KITHD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "harness.h"

struct kithd;

/* How to start one that is special. Members that are NULL or 0 mean: as usual. */
struct launch {
	const char *const *argv;	    /* ended by NULL; without the program */
	int stdout_fd, stderr_fd;	    /* instead of files that the functions below read; borrowed */
	bool (*prepare)(const void *given); /* runs in the child; false gives up */
	const void *given;
};

/* A kithd with these options pings a peer once, when it is ready, and not again while a test lasts. */
#define RARE_PINGS "-o probe_interval=80000 -o ping_interval=80000 -o share_within=86400"

struct kithd *kithd_launch(const struct launch *launch);

/* In each of the following the arguments are separated by single spaces. */

/* Listens where nobody listened before; returns when it does. */
struct kithd *kithd_plain(void);
struct kithd *kithd_start(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct kithd *kithd_start_at(const char *address, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Returns at once. */
struct kithd *kithd_spawn_at(const char *address, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* With these arguments and no others; returns at once. */
struct kithd *kithd_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* And on its control socket, if its arguments name one, or has said why not. */
void kithd_await_listening(struct kithd *kithd);
/* The first address that it listens on, and its nodeid as its table tells. */
const char *kithd_address(struct kithd *kithd);
const char *kithd_nodeid(struct kithd *kithd);
pid_t kithd_pid(const struct kithd *kithd);

/* How many entries a directory of /proc/PID has: threads in "task", descriptors in "fd". */
int kithd_entries(const struct kithd *kithd, const char *directory);
/* A number of /proc/PID/status: "VmRSS" in KiB; "Threads", which counts those that are about to end too. */
long kithd_status_number(const struct kithd *kithd, const char *name);
/* The memory that is this process's alone. */
long kithd_private_kib(const struct kithd *kithd);

/* What it has written so far; borrowed until the next call. */
const char *kithd_log(struct kithd *kithd);
const char *kithd_output(struct kithd *kithd);
/* How many of its log lines hold both. */
size_t kithd_log_count(struct kithd *kithd, const char *one, const char *other);
/* How many of them tell of a peer that crashed. Its connection is reset if it had not read all that was sent to it. */
size_t kithd_log_crashes(struct kithd *kithd);
/* How many of them hold this, but for the warnings that come because root runs the tests, because a node without a
 * secret listens on more than loopback addresses, and because the machine stood still. */
size_t kithd_log_lines(struct kithd *kithd, const char *word);

void kithd_signal(struct kithd *kithd, int signal);
/* Waits for its end: the exit status, or 128 and the number of the signal that killed it. */
int kithd_wait(struct kithd *kithd);
/*
 * A stop as it should be: exit status 0 within STOP_S. The signal is 0 for one that was told to already. (SIGCONT is no
 * harmless signal: it takes the SIGSTOP away that LeakSanitizer waits for at the exit, and the process hangs.)
 */
void kithd_stop(struct kithd *kithd, int signal);
bool kithd_has_ended(struct kithd *kithd);

/* Each of these asks for a new table. A peer is named by its nodeid. */

/* The whole text of the table. */
const char *kithd_table(struct kithd *kithd);
/* A field of the table's first line: "peers", "uptime_s"; fails without it. */
const char *kithd_header(struct kithd *kithd, const char *field);
/* The number of rows with that value in that column: rows with NODEID "-", rows with STATE "READY". */
int kithd_rows(struct kithd *kithd, const char *column, const char *value);
/* What the column says in the one row of that peer; "" if it isn't there. */
const char *kithd_cell(struct kithd *kithd, const char *nodeid, const char *column);
bool kithd_cell_is(struct kithd *kithd, const char *nodeid, const char *column, const char *value);
/* -1 for what isn't a number. */
double kithd_cell_number(struct kithd *kithd, const char *nodeid, const char *column);
bool kithd_has_peer(struct kithd *kithd, const char *nodeid);
/* The header's count of peers. */
int kithd_peers(struct kithd *kithd);

/* The same of a table that was taken: a field of its first line, and a cell; NULL if there is no such one. */
const char *shown_field(const char *table, const char *field);
const char *shown_cell(const char *table, int row, const char *column);

/* For harness_end. */
void kithd_stop_all(void);
void kithd_dump_all(void);
void kithd_forget_all(void);

#ifndef HARNESS_INSIDE
#define kithd_plain(...) (harness_at(__FILE__, __LINE__), kithd_plain(__VA_ARGS__))
#define kithd_start(...) (harness_at(__FILE__, __LINE__), kithd_start(__VA_ARGS__))
#define kithd_start_at(...) (harness_at(__FILE__, __LINE__), kithd_start_at(__VA_ARGS__))
#define kithd_await_listening(...) (harness_at(__FILE__, __LINE__), kithd_await_listening(__VA_ARGS__))
#define kithd_entries(...) (harness_at(__FILE__, __LINE__), kithd_entries(__VA_ARGS__))
#define kithd_status_number(...) (harness_at(__FILE__, __LINE__), kithd_status_number(__VA_ARGS__))
#define kithd_private_kib(...) (harness_at(__FILE__, __LINE__), kithd_private_kib(__VA_ARGS__))
#define kithd_wait(...) (harness_at(__FILE__, __LINE__), kithd_wait(__VA_ARGS__))
#define kithd_stop(...) (harness_at(__FILE__, __LINE__), kithd_stop(__VA_ARGS__))
#define kithd_table(...) (harness_at(__FILE__, __LINE__), kithd_table(__VA_ARGS__))
#define kithd_header(...) (harness_at(__FILE__, __LINE__), kithd_header(__VA_ARGS__))
#define kithd_rows(...) (harness_at(__FILE__, __LINE__), kithd_rows(__VA_ARGS__))
#define kithd_cell(...) (harness_at(__FILE__, __LINE__), kithd_cell(__VA_ARGS__))
#define kithd_cell_is(...) (harness_at(__FILE__, __LINE__), kithd_cell_is(__VA_ARGS__))
#define kithd_cell_number(...) (harness_at(__FILE__, __LINE__), kithd_cell_number(__VA_ARGS__))
#define kithd_has_peer(...) (harness_at(__FILE__, __LINE__), kithd_has_peer(__VA_ARGS__))
#define kithd_peers(...) (harness_at(__FILE__, __LINE__), kithd_peers(__VA_ARGS__))
#endif

#endif
