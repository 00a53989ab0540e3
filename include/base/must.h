/*
 * must(condition): a fact that only a bug in kith can make false. It is checked in release builds too, and aborts
 * with the place. What the world does (a peer, the disk, memory that runs out) is never a must: it is a return value.
 */
#ifndef KITH_MUST_H
#define KITH_MUST_H

#define must(condition) ((condition) ? (void)0 : must_failed(#condition, __FILE__, __LINE__))

_Noreturn void must_failed(const char *condition, const char *file, int line);

#endif
