/*
 * Hash tables of uthash, made safe against keys that an attacker chooses: the one place that includes <uthash.h>. Its
 * macros hash with SipHash under a key of this process. uthash's own hash needs no key, so anybody can find addresses
 * that all end up in one bucket. A table is walked in the order in which its elements were added, whatever the key.
 *
 * Without memory HASH_ADD leaves hh.tbl NULL, instead of ending the process.
 */
#ifndef KITH_KEYED_TABLE_H
#define KITH_KEYED_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Until this is called the key is all zeroes, so that simulations and fuzzers are repeatable. Call it while there is
 * one thread and no table. False with errno if the kernel has no random numbers. */
bool keyed_table_draw_key(void);

/* Also for other things of this run that are told apart by a hash. */
uint64_t keyed_table_hash(const void *key, size_t length);

#define HASH_FUNCTION(key, length, hash) ((hash) = (unsigned)keyed_table_hash((key), (length)))
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#endif
