/* What the operator should see to, as it is now: the warnings of the log that still hold. */
#ifndef KITH_WARNINGS_PRIV_H
#define KITH_WARNINGS_PRIV_H

#include "control/control_priv.h"

typedef void warnings_tell(void *context, const char *text);

/* Tells each, unless tell is NULL. How many there are. */
size_t warnings_list(const struct control_parts *parts, warnings_tell *tell, void *context);

#endif
