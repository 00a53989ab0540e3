/*
 * The rows that a page of `kith top` shows, and their order. What they are compared by is looked up once for each row:
 * to look it up for each comparison of 16,000 peers takes longer than a key may. Pure functions.
 */
#ifndef KITH_TOP_ORDER_H
#define KITH_TOP_ORDER_H

#include "kith/rows.h"
#include "kith/top_pages.h"

enum { TOP_TEXT_BYTES = 128 };

/* What a row is known by from one state of the node to the next. */
void top_id(struct json_object *row, char id[static TOP_TEXT_BYTES]);
/* "gone", "late", or another word for how the row is; of a problem, its kind. */
const char *top_state(struct json_object *row);

/*
 * Sorts them by the column, then by the first two, and else leaves them as they came. Numbers have the highest first,
 * states the problems; what is unknown comes last in any order. False if there is no memory: they are as they were.
 */
bool top_order(struct rows *rows, const struct top_page_kind *page, size_t sort, bool is_reversed);

#endif
