/*
 * The rows that `kith top` shows, and their order. What they are compared by is looked up once for each row: to look it
 * up for each comparison of 16,000 peers takes longer than a key may. Pure functions.
 */
#ifndef KITH_TOP_ORDER_H
#define KITH_TOP_ORDER_H

#include <stdbool.h>

#include "kith/rows.h"
#include "kith/top_layout.h"

/* What a row is known by from one state of the node to the next. */
const char *top_id(struct json_object *row);
/* "gone", "late", or the state of the connection. */
const char *top_state(struct json_object *row);

/*
 * Sorts them by the column, then by name. Numbers have the highest first, states the problems; what is unknown comes
 * last in any order. False if there is no memory: they are as they were.
 */
bool top_order(struct rows *rows, enum top_column sort, bool is_reversed);

#endif
