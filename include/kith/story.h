/* What is known of a node or an address, told in the order in which it happened. */
#ifndef KITH_STORY_H
#define KITH_STORY_H

#include <stdio.h>

#include "kith/rows.h"

/* From the rows of `why`; about is what was asked for. False if there is no memory. */
bool story_print(FILE *out, const struct rows *facts, const char *about);

/* From the rows of `why` about two nodes. */
bool story_print_between(FILE *out, const struct rows *facts);

/* What a reason means to the one who looks into it: "the machine is up, nobody listens there"; NULL if it says it all.
 */
const char *story_hint(const char *reason);

#endif
