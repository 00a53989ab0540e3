/* What is played about reports: how many bytes they take, and how soon a newcomer is known. */
#ifndef KITH_SIM_TRAFFIC_H
#define KITH_SIM_TRAFFIC_H

#include "scenarios.h"

/* As scenario_play and scenario_list, which call these. */
bool traffic_play(const struct play *play, struct results *results);
void traffic_list(FILE *out);

#endif
