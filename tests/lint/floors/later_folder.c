/* As src/wire/wrong.c: includes a header of a later folder. */
#include "link/stream.h"
