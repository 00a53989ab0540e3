/* As src/kith/other_program.c: the program kith knows a node from its control socket alone. */
#include "members/registry.h"
