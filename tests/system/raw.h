/*
 * A connection on which the test itself speaks the protocol, byte for byte, and a listener that kithd dials. Every read
 * has a deadline. What the other side closed and what it reset are both an end.
 */
#ifndef KITH_TEST_RAW_H
#define KITH_TEST_RAW_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "harness.h"

struct kithd;
struct raw;

/* Nodeids for tests to use: two that are smaller and greater than any that kithd makes up, and some between. */
#define SMALLEST "00000000-0000-4000-8000-000000000001"
#define GREATEST "ffffffff-ffff-4fff-bfff-fffffffffffe"
#define ALICE "a11ce000-0000-4000-8000-000000000001"
#define BOB "b0b00000-0000-4000-8000-000000000002"
#define CAROL "ca201000-0000-4000-8000-000000000003"
#define DAVE "da7e0000-0000-4000-8000-000000000004"

/* From a host, or from the usual one if from is NULL; a receive buffer of the usual size if bytes is 0. */
struct raw *raw_connect_from(const char *from, const char *to, int receive_buffer_bytes);
struct raw *raw_connect(const char *to);
/* NULL if it is refused. */
struct raw *raw_try_connect(const char *to);
struct raw *raw_listen(const char *address);
/* A listener whose queue is full: a dial gets no answer at all. */
struct raw *raw_listen_deaf(const char *address);
struct raw *raw_accept(struct raw *listener);
/* Is somebody waiting to be accepted? */
bool raw_is_dialled(struct raw *listener);
void raw_close(struct raw *raw);
void raw_close_writing(struct raw *raw);
/* This end of the connection. */
const char *raw_address(const struct raw *raw);
int raw_fd(const struct raw *raw);
size_t raw_bytes_sent(const struct raw *raw);
size_t raw_bytes_read(const struct raw *raw);

/* A line: an LF is added. */
void raw_send(struct raw *raw, const char *format, ...) __attribute__((format(printf, 2, 3)));
void raw_write(struct raw *raw, const char *bytes, size_t length);
/* What is taken at once: a count, or -1. */
ssize_t raw_try_write(struct raw *raw, const char *bytes, size_t length);
void raw_write_slowly(struct raw *raw, const char *bytes);

/* The next line without its LF, or NULL at the end; borrowed until the next call. */
const char *raw_line(struct raw *raw);
/* Waits until then for the end of a line, or of everything: has one come? */
bool raw_has_line(struct raw *raw, int64_t until_us);
/*
 * When the kernel got what was read last, by the clock of raw_clock_us: this process may have had to wait for a core
 * since. It must have been asked for this, before.
 */
void raw_note_arrivals(struct raw *raw);
int64_t raw_arrived_us(const struct raw *raw);
int64_t raw_clock_us(void);
/*
 * The next line is exactly this. Here, in raw_expect_next and in raw_ping_next, pings of kithd that come between are
 * answered and passed over, unless one is expected; questions about other peers that are late, and what it says about
 * reports, are passed over too.
 */
void raw_expect_line(struct raw *raw, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The next message has this type, or the next but for others. */
void raw_expect_next(struct raw *raw, const char *type);
void raw_expect(struct raw *raw, const char *type);
/* Sends a ping; its pong is the next message, or the next but for others. */
void raw_ping_next(struct raw *raw);
void raw_ping(struct raw *raw);
/* The next message but for others is a bye with that reason, and then comes the end. */
void raw_expect_bye(struct raw *raw, const char *reason);
/* The end, with or without messages before. */
void raw_expect_end(struct raw *raw);

/* Of the message that came last: a key's text or number. */
const char *raw_text(struct raw *raw, const char *key);
int64_t raw_number(struct raw *raw, const char *key);
bool raw_has(struct raw *raw, const char *key);
/* The key's value as JSON without spaces, "" if it isn't there; of the whole message if key is NULL. */
const char *raw_json(struct raw *raw, const char *key);
/* The nodeid that an addr has with the address: "" for a bare one, NULL if the address isn't in it. */
const char *raw_told(struct raw *raw, const char *address);
int raw_told_count(struct raw *raw);

void raw_send_hello(struct raw *raw, const char *nodeid, const char *more_keys);
/* A handshake as the side that dialled, with the answer to the other side's first ping. */
struct raw *raw_join(struct kithd *kithd, const char *nodeid, const char *more_keys);
struct raw *raw_join_from(const char *from, struct kithd *kithd, const char *nodeid, const char *more_keys);
void raw_shake_hands(struct raw *raw, const char *nodeid, const char *more_keys);
/* kithd's feeler comes to this listener, and finds a node of this nodeid there. */
void raw_be_found(struct raw *listener, const char *nodeid);
/* As raw_join, with a listener at this port of the usual host, where kithd finds it. The listener is closed then. */
struct raw *raw_join_found(struct kithd *kithd, const char *nodeid, int port);
/* Another peer joins, asks for addresses and leaves: how many it was told. A node answers few questions of one peer. */
int raw_ask_anew(struct kithd *kithd);
/* The same on a connection that kithd dialled. */
void raw_answer_hello(struct raw *raw, const char *nodeid, const char *more_keys);
/* The same on the first that comes to this listener and is answered before kithd has lost its patience. */
struct raw *raw_accept_in_time(struct raw *listener, const char *nodeid);

/* For harness_end. */
void raw_close_all(void);

#ifndef HARNESS_INSIDE
#define raw_connect_from(...) (harness_at(__FILE__, __LINE__), raw_connect_from(__VA_ARGS__))
#define raw_connect(...) (harness_at(__FILE__, __LINE__), raw_connect(__VA_ARGS__))
#define raw_listen(...) (harness_at(__FILE__, __LINE__), raw_listen(__VA_ARGS__))
#define raw_accept(...) (harness_at(__FILE__, __LINE__), raw_accept(__VA_ARGS__))
#define raw_send(...) (harness_at(__FILE__, __LINE__), raw_send(__VA_ARGS__))
#define raw_write(...) (harness_at(__FILE__, __LINE__), raw_write(__VA_ARGS__))
#define raw_line(...) (harness_at(__FILE__, __LINE__), raw_line(__VA_ARGS__))
#define raw_expect_line(...) (harness_at(__FILE__, __LINE__), raw_expect_line(__VA_ARGS__))
#define raw_expect_next(...) (harness_at(__FILE__, __LINE__), raw_expect_next(__VA_ARGS__))
#define raw_expect(...) (harness_at(__FILE__, __LINE__), raw_expect(__VA_ARGS__))
#define raw_ping_next(...) (harness_at(__FILE__, __LINE__), raw_ping_next(__VA_ARGS__))
#define raw_ping(...) (harness_at(__FILE__, __LINE__), raw_ping(__VA_ARGS__))
#define raw_expect_bye(...) (harness_at(__FILE__, __LINE__), raw_expect_bye(__VA_ARGS__))
#define raw_expect_end(...) (harness_at(__FILE__, __LINE__), raw_expect_end(__VA_ARGS__))
#define raw_text(...) (harness_at(__FILE__, __LINE__), raw_text(__VA_ARGS__))
#define raw_number(...) (harness_at(__FILE__, __LINE__), raw_number(__VA_ARGS__))
#define raw_told(...) (harness_at(__FILE__, __LINE__), raw_told(__VA_ARGS__))
#define raw_join(...) (harness_at(__FILE__, __LINE__), raw_join(__VA_ARGS__))
#define raw_join_from(...) (harness_at(__FILE__, __LINE__), raw_join_from(__VA_ARGS__))
#define raw_be_found(...) (harness_at(__FILE__, __LINE__), raw_be_found(__VA_ARGS__))
#define raw_join_found(...) (harness_at(__FILE__, __LINE__), raw_join_found(__VA_ARGS__))
#define raw_ask_anew(...) (harness_at(__FILE__, __LINE__), raw_ask_anew(__VA_ARGS__))
#define raw_shake_hands(...) (harness_at(__FILE__, __LINE__), raw_shake_hands(__VA_ARGS__))
#define raw_answer_hello(...) (harness_at(__FILE__, __LINE__), raw_answer_hello(__VA_ARGS__))
#define raw_accept_in_time(...) (harness_at(__FILE__, __LINE__), raw_accept_in_time(__VA_ARGS__))
#endif

#endif
