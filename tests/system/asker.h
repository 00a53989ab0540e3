/*
 * A client of the control socket, on which the test itself writes requests and reads rows, byte for byte. Every read
 * has a deadline. The row that was read last, or picked, is the one that asker_value looks at.
 */
#ifndef KITH_TEST_ASKER_H
#define KITH_TEST_ASKER_H

#include <stdbool.h>
#include <stddef.h>

#include "harness.h"

struct asker;

/* As soon as somebody listens there. */
struct asker *asker_connect(const char *path);
/* Does one connect to it? */
bool asker_can_connect(const char *path);
/* The file of a socket whose process was killed. */
void asker_leave_dead_socket(const char *path);
/* It is gone then. */
void asker_close(struct asker *asker);
int asker_fd(const struct asker *asker);

/* A line: an LF is added, and ' stands for ". */
void asker_send(struct asker *asker, const char *format, ...) __attribute__((format(printf, 2, 3)));
void asker_write(struct asker *asker, const char *bytes, size_t length);
/* As asker_send, as far as it is taken. */
void asker_try_send(struct asker *asker, const char *line);

/* Reads a row; false at the end of the connection. */
bool asker_next(struct asker *asker);
/* Has one come, or does one until then? It is not read. */
bool asker_has_row(struct asker *asker, int64_t until_us);
/* The next row has this msgtype. */
void asker_expect(struct asker *asker, const char *msgtype);
/* The next row is an error with this code, and its text has these words. */
void asker_expect_error(struct asker *asker, const char *code, const char *words);
/* The connection ends, with or without rows before. */
void asker_expect_close(struct asker *asker);

/* Of that row: a text as it is, any other value as JSON; kept until the end of the test. NULL if it has no such key. */
const char *asker_value(const struct asker *asker, const char *key);
/* -1 for what isn't a number. */
double asker_number(const struct asker *asker, const char *key);
bool asker_is(const struct asker *asker, const char *key, const char *value);
/* The whole row, as it was sent. */
const char *asker_row(const struct asker *asker);

/* Sends a request, and reads its answer, which must not be an error. How many rows it has, before its end. */
size_t asker_ask(struct asker *asker, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Gives a setting another value. */
void asker_set(struct asker *asker, const char *setting, double value);
/* Picks a row of the answer: by its number, or the first whose key has that value; false if there is none. */
bool asker_pick(struct asker *asker, size_t number);
bool asker_find(struct asker *asker, const char *key, const char *value);

/* For harness_end. */
void asker_close_all(void);

#ifndef HARNESS_INSIDE
#define asker_connect(...) (harness_at(__FILE__, __LINE__), asker_connect(__VA_ARGS__))
#define asker_send(...) (harness_at(__FILE__, __LINE__), asker_send(__VA_ARGS__))
#define asker_write(...) (harness_at(__FILE__, __LINE__), asker_write(__VA_ARGS__))
#define asker_next(...) (harness_at(__FILE__, __LINE__), asker_next(__VA_ARGS__))
#define asker_expect(...) (harness_at(__FILE__, __LINE__), asker_expect(__VA_ARGS__))
#define asker_expect_error(...) (harness_at(__FILE__, __LINE__), asker_expect_error(__VA_ARGS__))
#define asker_expect_close(...) (harness_at(__FILE__, __LINE__), asker_expect_close(__VA_ARGS__))
#define asker_ask(...) (harness_at(__FILE__, __LINE__), asker_ask(__VA_ARGS__))
#define asker_set(...) (harness_at(__FILE__, __LINE__), asker_set(__VA_ARGS__))
#endif

#endif
