/* The answer to kith -V. */
#ifndef KITH_KITH_VERSIONS_H
#define KITH_KITH_VERSIONS_H

void kith_versions_print(void);

#endif
