/*
 * Messages: typed values to and from lines of JSON (json-c). kith-protocol(7) says what they mean. Plain
 * values and pure functions; no message knows of connections.
 */
#ifndef KITH_MESSAGE_H
#define KITH_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/problem.h"
#include "wire/addr_line.h"
#include "wire/nodeid.h"
#include "wire/report_lists.h"

enum {
	MESSAGE_VERSION = 1,
	MESSAGE_TEXT_BYTES = 65, /* network, name, agent: 64 bytes and a NUL */
	MESSAGE_JSON_DEPTH = 16,
	MESSAGE_JSON_VALUES = 4096, /* an addr of 1,000 entries counts 3,003 */
	MESSAGE_SILENCE_MS = 86400 * 1000,
	MESSAGE_NEXT_MS = 86400 * 1000,
};

enum message_type {
	MESSAGE_UNKNOWN, /* a type that this version doesn't know: ignored */
	MESSAGE_HELLO,
	MESSAGE_PING,
	MESSAGE_PONG,
	MESSAGE_GETADDR,
	MESSAGE_ADDR,
	MESSAGE_BYE,
	MESSAGE_SUSPECT, /* the sender hears nothing from a node: does the receiver? */
	MESSAGE_HEARD,	 /* it does */
	MESSAGE_UNHEARD, /* it does not */
	MESSAGE_REPORT,	 /* what a node says about itself */
	MESSAGE_REPORTS, /* which reports the sender knows */
	MESSAGE_GETREPORT,
	MESSAGE_TYPES,
};

enum bye_reason {
	BYE_UNKNOWN, /* a word that this version doesn't know: a plain close */
	BYE_SHUTDOWN,
	BYE_DUPLICATE,
	BYE_SELF,
	BYE_NETWORK,
	BYE_FULL,
	BYE_PROTOCOL,
	BYE_TIMEOUT,
	BYE_SLOW,
	BYE_FEELER,
	BYE_OPERATOR,
};

/* Which limit of a node that is full was reached; the words are the settings of the far end. */
enum bye_limit {
	BYE_NO_LIMIT, /* none is named, or one that this version doesn't know */
	BYE_MAX_CONNECTIONS,
	BYE_MAX_PER_ADDRESS,
	BYE_MAX_PER_GROUP,
	BYE_LIMITS,
};

struct message_hello {
	struct nodeid nodeid;
	int64_t version;		  /* 0 where the key was missing */
	char network[MESSAGE_TEXT_BYTES]; /* "" where the key was missing, as are the next two */
	char name[MESSAGE_TEXT_BYTES];
	char agent[MESSAGE_TEXT_BYTES];
	bool has_network; /* the key was there, even if empty */
	uint16_t listen;  /* 0 where the key was missing */
	bool is_feeler;
};

struct message_ping {
	int64_t next_ms; /* the next one comes within this time, at most MESSAGE_NEXT_MS; 0 where the key was missing */
};

struct message_bye {
	enum bye_reason reason;
	enum bye_limit limit;
	char text[MESSAGE_TEXT_BYTES]; /* the reason as it was written, cut */
};

/* Of suspect, heard and unheard: what the sender says of its connection with another node. */
struct message_silence {
	struct nodeid nodeid;
	int64_t ms; /* silent_ms or ago_ms, at most MESSAGE_SILENCE_MS; -1 where an unheard has none: it is no peer */
};

struct message {
	enum message_type type;
	size_t values; /* of JSON in its line, at most: what decoding it has cost; set without success too */
	union {
		struct message_hello hello;
		struct message_ping ping;
		struct message_addr addr;
		struct message_bye bye;
		struct message_silence silence;
		struct report *report; /* owned by the message; who keeps it holds it (report.h) */
		struct message_reports reports;
		struct message_getreport getreport;
	};
};

/*
 * Decodes one line, which came at this moment. False is a protocol error, and problem says what is wrong, unless it
 * lacks memory, which is not the peer's fault. After true the message must be given to message_fini.
 */
bool message_decode(const char *line, size_t length, int64_t now_us, struct message *message, struct problem *problem);
void message_fini(struct message *message);

/* The line of a message without other keys, LF included; NULL for a type that must have some. */
const char *message_bare_line(enum message_type type);

/* Appends the message with its LF; a report is written with report_write. False if there is no memory. A bye is written
 * from its reason and its limit. */
bool message_encode(const struct message *message, struct buffer *out);

const char *message_type_name(enum message_type type);
const char *bye_reason_name(enum bye_reason reason);
/* NULL for no limit. */
const char *bye_limit_name(enum bye_limit limit);

#endif
