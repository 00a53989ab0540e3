/*
 * A web server for a few pages that are made elsewhere: who asks for one that is older than a second waits until the
 * next one is there, and all who wait get the same. It reads only, and answers GET and HEAD. The one place that
 * includes libmicrohttpd, which is loaded when it is needed: linked in, with GnuTLS behind it, it would double the time
 * that each run of kith takes. There is one server, of one thread, which nothing in it blocks.
 */
#ifndef KITH_WEB_SERVER_H
#define KITH_WEB_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/problem.h"

enum web_page { WEB_MAP, WEB_METRICS, WEB_HEALTH, WEB_PAGES };

struct web_server;

/*
 * Serves on a socket that listens and does not block, which it takes; names are those that the header Host may have
 * besides (web_host.h), or NULL; borrowed. NULL with a problem.
 */
struct web_server *web_server_start(int listening, const char *names, struct problem *problem);
/* Ends all connections. Accepts NULL. */
void web_server_stop(struct web_server *server);

/* To be polled for input. */
int web_server_fd(const struct web_server *server);
/* After how long it is to be run, although there is no input; negative for never. */
int web_server_timeout_ms(struct web_server *server);
/* Takes what has come. */
void web_server_run(struct web_server *server);

/* Does somebody wait for that page? */
bool web_server_is_awaited(const struct web_server *server, enum web_page page);
/* The page as it is now: for those who wait, and for a second. The bytes are copied. */
void web_server_put(struct web_server *server, enum web_page page, unsigned status, const char *bytes, size_t length);

/* Of libmicrohttpd, which is loaded for it; NULL if there is none that can be used. */
const char *web_server_library_version(void);

#endif
