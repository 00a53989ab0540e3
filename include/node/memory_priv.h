/* How the C library keeps memory for the threads of a node: glibc alone is told. */
#ifndef KITH_MEMORY_PRIV_H
#define KITH_MEMORY_PRIV_H

/* Lets them share it. Before there are threads. */
void memory_share_pools(void);
/* What is free goes back to the system. */
void memory_trim(void);

#endif
