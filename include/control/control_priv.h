/*
 * What the files of the control socket share: control.c accepts, client.c serves one client, request.c has the table of
 * requests and finds the row for a line, and each rows_*.c produces the rows of some requests.
 */
#ifndef KITH_CONTROL_PRIV_H
#define KITH_CONTROL_PRIV_H

#include <sys/types.h>

#include "base/sync.h"
#include "control/control.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "wire/row.h"

enum {
	REQUEST_KEYS = 3,
	REQUEST_ROW_KEYS = 32,	   /* as many keys can be asked for; more than any row has */
	REQUEST_JSON_VALUES = 256, /* a request has at most so many: json-c takes up to 0.9 kB for one */
	REQUEST_JSON_DEPTH = 4,
	REQUEST_ID_BYTES = 256,
	CLIENT_OUT_BYTES = 16 * 1024,  /* of rows are written at once */
	CLIENT_KEPT_BYTES = 32 * 1024, /* of memory for rows are kept from one answer to the next */
	/* The kernel keeps up to twice as much of what a client does not read. */
	CLIENT_SOCKET_BYTES = 64 * 1024,
};

/* One who is connected. Its thread's alone, but for fd, which any thread may shut down. */
struct client {
	struct control *control;
	struct client *prev, *next; /* in the list of the control's */
	struct thread thread;
	int fd;
	uid_t uid;
	pid_t pid;
	struct frame in;
	struct buffer out;
	bool has_gone;	   /* nothing more can be written */
	bool has_said_all; /* it has closed its writing end */
};

/* Reads and answers requests until the client leaves, or is shut down. */
void client_serve(struct client *client);
/* Writes what there is; false if the client has gone, or takes nothing for CONTROL_STALL_US. */
bool client_flush(struct client *client);
/* Has it closed its end, or been shut down? To close its writing end alone is not to leave. Doesn't wait. */
bool client_has_left(struct client *client);
/* Blocks for so long. False as soon as the client has left, or the control stops. */
bool client_rest(struct client *client, int64_t us);

/* What the requests are answered from. */
const struct control_parts *control_parts(const struct control *control);
/* The control socket's path. */
const char *control_path(const struct control *control);
/* Is the control being stopped? */
bool control_is_stopping(const struct control *control);

/* A request that is being answered. */
struct call {
	struct client *client;
	const struct control_parts *parts;
	const struct request *request;
	struct json_object *keys;  /* of the request */
	char id[REQUEST_ID_BYTES]; /* as JSON; "" for none */
	uint64_t rows;
	bool has_failed; /* an error was its answer, or the client has gone */
};

enum key_type {
	KEY_TEXT,
	KEY_NUMBER,
	KEY_TEXTS, /* a list */
	KEY_ANY,   /* text or a whole number */
	KEY_TRUTH, /* true or false */
	KEY_VALUE, /* of a setting: text, a number, true or false, or a list of texts */
};

struct request_key {
	const char *name;
	enum key_type type;
	bool is_required;
	const char *help;
};

/* A row of the table. */
struct request {
	const char *name;
	const char *row; /* the msgtype of its rows; "" for none */
	const char *help;
	struct request_key keys[REQUEST_KEYS];
	bool changes; /* something: it is logged with who asked for it */
	void (*run)(struct call *call);
};

extern const struct request request_table[];
extern const size_t request_count;

/* Answers one line. */
void request_answer(struct client *client, const char *line, size_t length);

/* ---- for those who produce rows ---- */

/* A row of this msgtype with the id of the request; call_end_row writes it. */
struct row call_begin_row(struct call *call, const char *msgtype);
/* Whether each row of an answer is to have only some keys. */
struct wanted_keys {
	const char *list[REQUEST_ROW_KEYS + 1];
	bool is_all;
};

/* Those of the key "keys" of the request, from which the texts are borrowed. False for too many: an error is answered.
 */
bool call_find_wanted(struct call *call, struct wanted_keys *wanted);
/* call_begin_row with only these keys. */
struct row call_begin_wanted_row(struct call *call, const char *msgtype, const struct wanted_keys *wanted);
/* False if the client has gone: no more rows. */
bool call_end_row(struct call *call, struct row *row);
/* The answer is this error, after the rows that there were. code is one of kith-control(7). */
void call_fail(struct call *call, const char *code, const char *format, ...) __attribute__((format(printf, 3, 4)));
void call_fail_for_memory(struct call *call);
/* The value of a key as a text; NULL if the request hasn't got it. */
const char *call_text(const struct call *call, const char *key);
/* The value of a key as true or false, or that one. */
bool call_truth(const struct call *call, const char *key, bool otherwise);
/* The value of a key as a number, or that one. */
double call_number(const struct call *call, const char *key, double otherwise);

/* The requests. */
void rows_addresses(struct call *call);
void rows_ban(struct call *call);
void rows_bans(struct call *call);
void rows_connect(struct call *call);
void rows_disconnect(struct call *call);
void rows_forget(struct call *call);
void rows_help(struct call *call);
void rows_info(struct call *call);
void rows_links(struct call *call);
void rows_metrics(struct call *call);
void rows_nodes(struct call *call);
void rows_peers(struct call *call);
void rows_ping(struct call *call);
void rows_problems(struct call *call);
void rows_reload(struct call *call);
void rows_set(struct call *call);
void rows_settings(struct call *call);
void rows_stop(struct call *call);
void rows_unban(struct call *call);
void rows_watch(struct call *call);
void rows_why(struct call *call);

#endif
