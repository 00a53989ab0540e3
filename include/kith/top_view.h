/* How `kith top` looks. Pure functions. */
#ifndef KITH_TOP_VIEW_H
#define KITH_TOP_VIEW_H

#include "kith/picture.h"
#include "kith/top_model.h"

/* A picture of so many cells; scrolls the model to what fits. To be freed by picture_fini. */
struct picture top_view(struct top_model *model, size_t rows, size_t columns);

#endif
