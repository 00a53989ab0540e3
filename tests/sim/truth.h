/* What is played about problems: whether every node that can know what is wrong says so, and nothing else. */
#ifndef KITH_SIM_TRUTH_H
#define KITH_SIM_TRUTH_H

#include "scenarios.h"

/* As scenario_play and scenario_list, which call these. */
bool truth_play(const struct play *play, struct results *results);
void truth_list(FILE *out);

#endif
