/* A check of a node: what it is asked, and the line that comes of its answers. Plain values; one thread. */
#ifndef KITH_HEALTH_CHECK_H
#define KITH_HEALTH_CHECK_H

#include "base/problem.h"
#include "kith/health.h"
#include "kith/options.h"
#include "kith/session.h"

/* False with a problem. */
bool health_check_parse_limits(const struct options *options, struct health_limits *limits, struct problem *problem);

/* Sends that many requests. An older node does not know all of them. */
enum { HEALTH_CHECK_REQUESTS = 3 };
bool health_check_ask(struct session *session);

struct health_check {
	struct json_object *info;
	struct rows peers, problems;
};

void health_check_fini(struct health_check *check);
/* Holds a row of the answers. False if there is no memory. */
bool health_check_take(struct health_check *check, struct json_object *row);
/* Appends the line (health_describe). */
enum outcome health_check_describe(const struct health_check *check, const struct health_limits *limits,
				   struct buffer *out);
/* The line for a node that does not say how it is. */
enum outcome health_check_describe_unknown(const char *why, struct buffer *out);

#endif
