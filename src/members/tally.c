#include "members/tally_priv.h"

#include <stdlib.h>

struct tally *tally_find(struct tally *tallies, struct address of)
{
	struct tally *tally;
	HASH_FIND(hh, tallies, &of, sizeof of, tally);
	return tally;
}

struct tally *tally_join(struct tally **tallies, struct address of)
{
	struct tally *tally = tally_find(*tallies, of);
	if (tally == NULL) {
		tally = calloc(1, sizeof *tally);
		if (tally == NULL)
			return NULL;
		tally->of = of;
		HASH_ADD(hh, *tallies, of, sizeof tally->of, tally);
		if (tally->hh.tbl == NULL) {
			free(tally);
			return NULL;
		}
	}
	tally->connections++;
	return tally;
}

void tally_quit(struct tally **tallies, struct tally *tally)
{
	if (tally == NULL || --tally->connections > 0)
		return;
	HASH_DEL(*tallies, tally);
	free(tally);
}
