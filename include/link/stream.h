/*
 * A TCP connection, plain or with TLS, that the two threads of a worker use at once and that any thread may shut.
 * Whoever reads and writes doesn't know which it is: between connecting and the first byte there is a handshake, which
 * a plain one has done already. Its owner frees it when no thread can still be using it: only then is the descriptor
 * closed, so that its number can't be somebody else's by the time a late call comes. Every call that can wait has a
 * deadline; one that is shut meanwhile ends at once.
 */
#ifndef KITH_STREAM_H
#define KITH_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "link/resolver.h"
#include "wire/address.h"

struct stream;
struct tls_context;

/*
 * A line is written whole, and waits for nothing: Nagle's algorithm would hold back what follows it. What the kernel
 * keeps for a far end that doesn't read is bounded. The sockets that a listening one accepts have what it has (on
 * Linux), which saves each of them the calls.
 */
void stream_set_options(int fd);

/* A stream that is not connected; NULL if there is no memory. Plain without a context, which is borrowed. */
struct stream *stream_new(struct tls_context *context);
/* Takes a connected socket that blocks and doesn't delay. NULL if there is no memory, and then the socket stays the
 * caller's. */
struct stream *stream_from_socket(int fd, struct tls_context *context);
void stream_free(struct stream *stream);

/* resolver_lookup that stream_shut interrupts. */
struct resolver_answer stream_lookup(struct stream *stream, const char *host, uint16_t port, int64_t deadline_us);

/* Connects, from a given host if that is known. 0 or an errno: ECANCELED if it was shut, ETIMEDOUT at the deadline. */
int stream_connect(struct stream *stream, const struct address *to, const struct address *from, int64_t deadline_us);
/* Has stream_connect failed on this machine, before anything was sent: no route, no such address here, no descriptor?
 */
bool stream_is_hindered(const struct stream *stream);

/*
 * By the reader, once it is connected and before the first byte. 0 or an errno: EPROTO if the far end speaks something
 * else or isn't let in, as stream_problem says, ECONNRESET if it has gone; ECANCELED, ETIMEDOUT as above. Of a stream
 * that has failed here nothing is left but to linger and to free it.
 */
int stream_handshake(struct stream *stream, int64_t deadline_us);
/* What is wrong with the far end where a call says EPROTO: words that follow its address. NULL for nothing. */
const char *stream_problem(const struct stream *stream);
/* Is that problem that one of both ends does not have the other's secret? */
bool stream_lacks_secret(const struct stream *stream);
/* Lets a far end that is turned away read why: to close with unread bytes would send a reset, which can overtake that.
 * Blocks until it has closed, it has sent much more, or the deadline. */
void stream_linger(struct stream *stream, int64_t deadline_us);

/* This end of the connection; unknown without one. */
struct address stream_local_address(const struct stream *stream);

/* Blocks until there is something. The count of bytes, 0 at the end of file, -1 with errno (ETIMEDOUT: deadline;
 * EPROTO: stream_problem). */
ssize_t stream_read(struct stream *stream, char *bytes, size_t size, int64_t deadline_us);
/* By the reader, which expects a long wait: the next stream_read gives back the stack below it before it waits
 * (thread_trim_stack). What comes before that may use much of it: in GnuTLS more than a page. */
void stream_trim_stack(struct stream *stream);
/*
 * By the reader: how many bytes reading has taken since this was asked last, and how many records: those of TLS, none
 * of a plain one. With TLS these are more than were returned.
 */
size_t stream_taken(struct stream *stream, size_t *records);
/* Blocks until the far end has closed or the stream is shut; false if it goes on at until_us. Reads nothing. */
bool stream_wait_gone(const struct stream *stream, int64_t until_us);
/* Blocks until both ends have closed or the stream is shut, or until then. */
void stream_wait_closed(const struct stream *stream, int64_t until_us);
/* How many bytes the kernel has that were not read. */
size_t stream_unread_bytes(const struct stream *stream);
/* Would stream_read return at once? */
bool stream_has_unread(const struct stream *stream);
/* Blocks until something was written; with a deadline of 0 it doesn't block. The count, or -1 with errno: who is told
 * EAGAIN or ETIMEDOUT writes these bytes next, of which some may be on their way, and more may follow them. */
ssize_t stream_write(struct stream *stream, const char *bytes, size_t size, int64_t deadline_us);

/* Tells the far end that nothing more will come. */
void stream_shut_writing(struct stream *stream);
/* Ends reading, and the wait for something to read. */
void stream_shut_reading(struct stream *stream);
/* Ends the connection, and whatever thread waits in it. Any thread, any number of times. Does not block. */
void stream_shut(struct stream *stream);
/* The same, and the kernel throws away what was written and not read: the far end gets a reset when this is freed. */
void stream_abort(struct stream *stream);

/*
 * Blocks until the far end has nearly all that was written, so that the kernel is left with little of it once this is
 * freed; what it has not got by the deadline is thrown away, as by stream_abort.
 */
void stream_drain(struct stream *stream, int64_t deadline_us);

/*
 * Has the far end's kernel acknowledged nothing for so long, though there is something to acknowledge that was sent at
 * least STREAM_RETRANSMISSIONS times more? A host that is there does so within a round trip, whatever its programs do.
 */
enum { STREAM_RETRANSMISSIONS = 4 };
bool stream_gets_no_acks(const struct stream *stream, int64_t for_us);

/*
 * The kernel's round trip, in microseconds; 0 if unknown. Before anything was sent it is that of the handshake of TCP:
 * the far end of an accepted connection must have seen what this one answered, to answer that.
 */
int64_t stream_rtt_us(const struct stream *stream);
/* Does its path lose large packets (path_loses_large)? */
bool stream_loses_large(const struct stream *stream);

#endif
