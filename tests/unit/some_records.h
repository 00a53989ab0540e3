/* Address books to save and to read back: every field in every form. */
#ifndef KITH_UNIT_SOME_RECORDS_H
#define KITH_UNIT_SOME_RECORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "book/address_record.h"

/* The same for the same two numbers; the caller's to free. Every record is heard of at marker, and so is the secret. */
struct address_records some_records(size_t count, unsigned marker);

bool record_equals(const struct address_record *one, const struct address_record *other);
bool records_equal(const struct address_records *one, const struct address_records *other);
/* Is it one that a reader may believe? */
bool record_is_well_formed(const struct address_record *record);

#endif
