/*
 * Probes are the smallest programs that a load generator takes for a node: they shake hands and answer, know nobody,
 * and have no registry, no settings and no log. What a probe reaches is what its shape allows on this machine.
 */
#ifndef KITH_BENCH_PROBE_H
#define KITH_BENCH_PROBE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	PROBE_READ_BYTES = 4096,
	PROBE_LINES_BYTES = 262144, /* the longest line fits, and more */
	PROBE_PING_INTERVAL_S = 60,
};

/* What is sent for a line; nothing has the length 0. */
struct answer {
	const char *text;
	size_t length;
};

extern const struct answer answer_hello, answer_ping;

/* Chooses the answer to a line without its LF. The tokener is the connection's own. */
typedef const struct answer *answer_line(struct json_tokener *tokener, const char *line, size_t length);

/* By the first letters of the msgtype, which must stand at the beginning of the line. */
answer_line answer_fixed;
/* By the msgtype that json-c finds. */
answer_line answer_json;
/* The same, but ping and pong in their usual form are known by comparing bytes. */
answer_line answer_exact;

/* These serve until the process is killed. */
void serve_with_epoll(int listening_fd);
/* The threads of a connection that has ended serve another one if parks. */
void serve_with_pairs(int listening_fd, answer_line *choose_answer, bool parks);
/* Over TLS, with the secret of which the hex is the beginning of that file. Returns if there is none. */
void serve_with_tls(int listening_fd, const char *secret_file);

/* Sends all of it or breaks the connection: whoever loads a probe reads what it says. */
void probe_send(int fd, const char *text, size_t length);

#endif
