/* What most commands do with an answer: print its rows as they are, or one after the other in words. */
#ifndef KITH_ANSWER_H
#define KITH_ANSWER_H

#include "kith/options.h"
#include "kith/session.h"

/* Prints the session's row as it came. */
void answer_print_row(const struct session *session);

/*
 * Reads the answer to its end. With -j each row is printed as it came, else tell is called for it; it returns false if
 * there is no memory. Each row is on its way to the reader before the next is waited for.
 */
enum outcome answer_read(struct session *session, const struct options *options,
			 bool (*tell)(void *context, struct json_object *row), void *context);

#endif
