/*
 * What `reports` and `getreport` say: which reports a node knows, and which it wants. kith-protocol(7) has their form.
 * Pure functions.
 */
#ifndef KITH_REPORT_LISTS_H
#define KITH_REPORT_LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/problem.h"
#include "wire/report.h"

enum {
	MESSAGE_SUMS = 64,   /* numbers that stand for all reports that are known */
	MESSAGE_HAVE = 1000, /* entries of a reports */
	MESSAGE_GETREPORT_NODEIDS = 64,
};

/* Sums, or a list of numbers, or both. */
struct message_reports {
	bool has_sums;
	uint64_t sums[MESSAGE_SUMS];
	struct report_number *have;
	size_t count;
};

struct message_getreport {
	struct nodeid *nodeids;
	size_t count;
};

/* Append the line with its LF. False if there is no memory. */
bool reports_line_write(const struct message_reports *reports, struct buffer *out);
bool getreport_line_write(const struct message_getreport *getreport, struct buffer *out);

/* False is a protocol error, or no memory, as with message_decode. The caller frees have, and nodeids. */
bool reports_line_read(struct json_object *object, struct message_reports *reports, struct problem *problem);
bool getreport_line_read(struct json_object *object, struct message_getreport *getreport, struct problem *problem);

#endif
