/* What the keys of `kith top` do to its model. Pure functions. */
#ifndef KITH_TOP_KEYS_H
#define KITH_TOP_KEYS_H

#include "kith/press.h"
#include "kith/top_model.h"

enum top_wish {
	TOP_NOTHING,
	TOP_QUIT,
	TOP_REFRESH, /* ask the node now */
};

enum top_wish top_press(struct top_model *model, const struct press *press);

#endif
