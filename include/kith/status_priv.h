/* What the files of the status share: status.c has its lines, and status_problems.c those about problems. */
#ifndef KITH_STATUS_PRIV_H
#define KITH_STATUS_PRIV_H

#include "kith/status.h"
#include "kith/table.h"

/* So many lines at most are about other nodes; what the node says of itself has room besides. */
enum { STATUS_SHOWN = 10, STATUS_LINES = 2 * STATUS_SHOWN + 2 };

struct status_line {
	const char *word;
	enum table_colour colour;
	char *subject; /* NULL for a sentence that says that itself */
	char *text;
};

struct status_problems {
	struct status_line lines[STATUS_LINES];
	size_t count;
	size_t hidden; /* that have found no line */
	size_t hidden_of_network;
	bool lacks_memory;
};

void status_find_problems(const struct status *status, struct status_problems *problems);
void status_problems_print(FILE *out, const struct status_problems *problems);
void status_problems_fini(struct status_problems *problems);

bool status_is_text(struct json_object *row, const char *key, const char *text);
bool status_is_failing(struct json_object *address);
/* As it can be shown; to be freed. */
char *status_clean(const char *text);
char *status_name_of(struct json_object *row);

#endif
