#include "link/dial.h"

#include <stdlib.h>

bool dial_is_feeler(const struct dial *dial)
{
	return dial->kind >= DIAL_FEELER_LOST;
}

void dial_fini(struct dial *dial)
{
	free(dial->host);
	dial->host = NULL;
}
