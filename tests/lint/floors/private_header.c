/* As src/node/wrong.c: includes a header that is private to another folder. */
#include "members/registry_priv.h"
