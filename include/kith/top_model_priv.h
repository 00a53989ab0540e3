/* What a key changes in the model of `kith top`: top_model.c has it, and top_keys.c calls it. */
#ifndef KITH_TOP_MODEL_PRIV_H
#define KITH_TOP_MODEL_PRIV_H

#include "kith/top_model.h"

/* Selects a row of the shown ones, or the last if there are fewer. */
void top_select(struct top_model *model, size_t number);
/* Filters and sorts the rows of the page again. */
void top_list(struct top_model *model);
/* The same, and makes what is drawn besides, for another page or a new state. */
void top_show(struct top_model *model);
/* Tells the story as it is known now. */
void top_tell_story(struct top_model *model);

#endif
