#include "some_records.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const char *const errors[] = {"", "connection refused", "said \"no\" \\ and / went", "f\xc3\xbcnf \xe2\x82\xac"};

enum { ERRORS = sizeof errors / sizeof *errors };

static struct address_record some_record(unsigned i, unsigned marker)
{
	struct address_record record = {.kind = i % 3 == 0 ? ADDRESS_NEW : ADDRESS_TRIED,
					.is_anchor = i % 7 == 1,
					.heard_s = marker,
					.tried_s = i % 4 == 0 ? 0 : 1764000000 + i,
					.reached_s = i % 4 == 1 ? ADDRESS_LATEST_S : 0,
					.failures = i % 6 == 0 ? 0 : i};
	char text[ADDRESS_TEXT_BYTES];
	snprintf(text, sizeof text, i % 2 == 0 ? "10.0.%u.%u:5999" : "[2001:db8:%x::%x]:5999", i / 256, i % 256);
	CU_ASSERT_FATAL(address_parse(text, &record.address));
	if (i % 5 != 0)
		memset(record.nodeid.bytes, (int)(i % 255 + 1), sizeof record.nodeid.bytes);
	if (record.kind == ADDRESS_NEW)
		CU_ASSERT_FATAL(address_from_host(i % 2 == 0 ? "192.0.2.9" : "2001:db8::9", 0, &record.teller));
	strcpy(record.error, errors[i % ERRORS]);
	record.error_s = record.error[0] == '\0' ? 0 : 1764000000 - i;
	return record;
}

struct address_records some_records(size_t count, unsigned marker)
{
	struct address_records records = {.has_secret = true, .saved_s = 1764000000, .count = count};
	records.records = calloc(count + 1, sizeof *records.records);
	CU_ASSERT_PTR_NOT_NULL_FATAL(records.records);
	for (size_t i = 0; i < count; i++)
		records.records[i] = some_record((unsigned)i, marker);
	for (size_t i = 0; i < HASH_KEY_BYTES; i++)
		records.secret.bytes[i] = (unsigned char)(marker + 17 * i);
	return records;
}

bool record_equals(const struct address_record *one, const struct address_record *other)
{
	return address_equals(&one->address, &other->address) && nodeid_equals(&one->nodeid, &other->nodeid) &&
	       address_equals(&one->teller, &other->teller) && one->kind == other->kind &&
	       one->is_anchor == other->is_anchor && one->heard_s == other->heard_s && one->tried_s == other->tried_s &&
	       one->reached_s == other->reached_s && one->error_s == other->error_s &&
	       one->failures == other->failures && strcmp(one->error, other->error) == 0;
}

bool records_equal(const struct address_records *one, const struct address_records *other)
{
	if (one->count != other->count || one->has_secret != other->has_secret ||
	    memcmp(&one->secret, &other->secret, sizeof one->secret) != 0)
		return false;
	for (size_t i = 0; i < one->count; i++)
		if (!record_equals(&one->records[i], &other->records[i]))
			return false;
	return true;
}

static bool is_time(int64_t time_s)
{
	return time_s >= 0 && time_s <= ADDRESS_LATEST_S;
}

bool record_is_well_formed(const struct address_record *record)
{
	return address_is_dialable(&record->address) && record->teller.port == 0 &&
	       (record->kind == ADDRESS_NEW || record->kind == ADDRESS_TRIED) && is_time(record->heard_s) &&
	       is_time(record->tried_s) && is_time(record->reached_s) && is_time(record->error_s) &&
	       record->failures <= ADDRESS_FAILURES && memchr(record->error, '\0', sizeof record->error) != NULL &&
	       text_is_plain(record->error, strlen(record->error));
}
