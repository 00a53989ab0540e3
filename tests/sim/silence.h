/* What is played about silence: nodes that freeze, lines that are late or lost, and those who lie about it. */
#ifndef KITH_SIM_SILENCE_H
#define KITH_SIM_SILENCE_H

#include "scenarios.h"

/* As scenario_play and scenario_list, which call these. */
bool silence_play(const struct play *play, struct results *results);
void silence_list(FILE *out);

#endif
