/* What is played, and what is measured in it. */
#ifndef KITH_SIM_SCENARIOS_H
#define KITH_SIM_SCENARIOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "results.h"

struct play {
	const char *scenario;
	size_t nodes;
	int64_t minutes; /* 0: as the scenario has it */
	uint64_t seed;
	bool shows_progress; /* on stderr, while it runs */
};

/* False if there is no such scenario. */
bool scenario_play(const struct play *play, struct results *results);
/* All of them on one line each. */
void scenario_list(FILE *out);

#endif
