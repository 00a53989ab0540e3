/* The answer to kithd -V. */
#ifndef KITH_VERSIONS_H
#define KITH_VERSIONS_H

void versions_print(void);

#endif
