/*
 * The file of the address book: whatever it holds, what is read of it is fit to be used, and is written so that it is
 * read as the same; what is damaged costs no more than its own lines; and a book that has read it stays within its
 * bounds while it is used. What is heard and claimed changes nothing about an address that the node has reached, or to
 * which it is connected. The input is the file. Where it is damaged, and what is done with the book, is drawn from a
 * generator whose seed is the input's hash.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/rng.h"
#include "base/sync.h"
#include "base/text.h"
#include "book/address_book.h"
#include "book/address_record.h"
#include "settings/settings.h"

#define NOW_US ((int64_t)1000 * 1000 * 1000)
#define UNIX_S ((int64_t)1764000000)
#define UNIX_US (UNIX_S * 1000000)

enum { MOST_ADDRESSES = 256, STEPS = 96, CONNECTIONS = 16 };

static struct settings settings;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	settings_init(&settings);
	settings.max_addresses = MOST_ADDRESSES;
	return 0;
}

static uint64_t hash_of(const uint8_t *bytes, size_t length)
{
	uint64_t hash = 14695981039346656037u;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 1099511628211u;
	return hash;
}

/* ---- the text ---- */

/* More failures than ADDRESS_FAILURES are written as so many. */
static bool same_failures(const struct address_record *one, const struct address_record *other)
{
	return one->failures == other->failures ||
	       (one->failures >= ADDRESS_FAILURES && other->failures >= ADDRESS_FAILURES);
}

static bool is_time(int64_t time_s)
{
	return time_s >= 0 && time_s <= ADDRESS_LATEST_S;
}

static bool same_record(const struct address_record *one, const struct address_record *other)
{
	return address_equals(&one->address, &other->address) && nodeid_equals(&one->nodeid, &other->nodeid) &&
	       address_equals(&one->teller, &other->teller) && one->kind == other->kind &&
	       one->is_anchor == other->is_anchor && one->heard_s == other->heard_s && one->tried_s == other->tried_s &&
	       one->reached_s == other->reached_s && one->error_s == other->error_s && same_failures(one, other) &&
	       strcmp(one->error, other->error) == 0;
}

static const struct address_record *find(const struct address_records *records, const struct address *address)
{
	for (size_t i = 0; i < records->count; i++)
		if (address_equals(&records->records[i].address, address))
			return &records->records[i];
	return NULL;
}

static void check_records(const struct address_records *records)
{
	must(records->count <= MOST_ADDRESSES);
	for (size_t i = 0; i < records->count; i++) {
		const struct address_record *record = &records->records[i];
		must(address_is_dialable(&record->address));
		must(find(records, &record->address) == record);
		must(record->kind == ADDRESS_NEW || record->kind == ADDRESS_TRIED);
		must(is_time(record->heard_s) && is_time(record->tried_s) && is_time(record->reached_s) &&
		     is_time(record->error_s));
		must(memchr(record->error, '\0', ADDRESS_ERROR_BYTES) != NULL &&
		     text_is_plain(record->error, strlen(record->error)));
		must(record->teller.port == 0);
	}
}

/* All that is written is read again. */
static void check_round_trip(const struct address_records *records, struct buffer *text)
{
	struct address_records again;
	must(address_records_write(records, text));
	must(address_records_read(buffer_content(text), buffer_length(text), MOST_ADDRESSES, &again) ==
	     ADDRESS_RECORDS_GOOD);
	must(again.count == records->count && again.has_secret == records->has_secret);
	must(!again.has_secret || memcmp(&again.secret, &records->secret, sizeof again.secret) == 0);
	for (size_t i = 0; i < again.count; i++)
		must(same_record(&again.records[i], &records->records[i]));
	address_records_fini(&again);
}

/*
 * The records whose lines were not touched are read from the damaged text. A byte that is no longer an LF damages two
 * lines.
 */
static void check_salvage(const struct address_records *records, struct buffer *text, struct rng *rng)
{
	struct address_records salvaged;
	size_t length = buffer_length(text), head = records->has_secret ? 3 : 2;
	char *damaged = malloc(length);
	must(damaged != NULL);
	memcpy(damaged, buffer_content(text), length);
	must(buffer_append(text, "", 1));
	bool is_cut = rng_below(rng, 2) == 0;
	size_t place = rng_below(rng, (uint32_t)length);
	if (!is_cut)
		damaged[place] = (char)rng_below(rng, 256);
	address_records_read(damaged, is_cut ? place : length, MOST_ADDRESSES, &salvaged);
	check_records(&salvaged);
	const char *content = buffer_content(text), *line = content, *next;
	for (; head > 0; head--)
		line = strchr(line, '\n') + 1;
	for (size_t i = 0; i < records->count; i++, line = next) {
		next = strchr(line, '\n') + 1;
		size_t start = (size_t)(line - content), end = (size_t)(next - content);
		/* The LF before it counts. */
		bool is_whole = is_cut ? end <= place : place + 1 < start || place >= end;
		must(!is_whole || find(&salvaged, &records->records[i].address) != NULL);
	}
	address_records_fini(&salvaged);
	free(damaged);
}

/* ---- the book ---- */

static struct address_book *new_book(const struct address_records *records)
{
	static const struct hash_key fixed = {{1, 2, 3}};
	struct address_book *book =
		address_book_new(&settings, records->has_secret ? &records->secret : &fixed, 1, NOW_US);
	must(book != NULL);
	address_book_import(book, records, NOW_US);
	return book;
}

/* What a book gives back is what was put in, as far as it had room. */
static void check_export(struct address_book *book, const struct address_records *imported, int64_t now_us)
{
	struct address_records exported;
	struct buffer text = {0};
	must(address_book_count(book) <= MOST_ADDRESSES);
	must(address_book_export(book, &exported, now_us, UNIX_US + now_us - NOW_US));
	must(exported.count <= address_book_count(book));
	check_records(&exported);
	for (size_t i = 0; i < exported.count; i++)
		must(find(imported, &exported.records[i].address) != NULL);
	check_round_trip(&exported, &text);
	buffer_fini(&text);
	address_records_fini(&exported);
}

/* A book in use. What a connection is known by is its place here. */
struct play {
	struct address_book *book;
	const struct address_records *records;
	struct rng *rng;
	int64_t now_us;
	struct {
		bool is_open;
		struct nodeid nodeid;
		struct address dialled; /* what it holds since it was dialled there; unknown for nothing */
	} connections[CONNECTIONS];
};

static struct nodeid some_nodeid(struct play *play)
{
	return (struct nodeid){{(unsigned char)(1 + rng_below(play->rng, 8))}};
}

static struct address some_address(struct play *play)
{
	return play->records->records[rng_below(play->rng, (uint32_t)play->records->count)].address;
}

/* The connection that was dialled at the address and holds it; CONNECTIONS for none. */
static size_t holder_of(const struct play *play, const struct address *address)
{
	size_t i = 0;
	while (i < CONNECTIONS &&
	       !(play->connections[i].is_open && address_equals(&play->connections[i].dialled, address)))
		i++;
	return i;
}

/* The places of connections that are open, or are not; false if there is none. */
static bool some_connection(struct play *play, bool is_open, size_t *which)
{
	*which = rng_below(play->rng, CONNECTIONS);
	for (size_t i = 0; i < CONNECTIONS; i++, *which = (*which + 1) % CONNECTIONS)
		if (play->connections[*which].is_open == is_open)
			return true;
	return false;
}

static void arrive(struct play *play, size_t which, const struct dial *dial, const struct nodeid *nodeid,
		   const struct address *host)
{
	struct arrival arrival = {.connection = &play->connections[which],
				  .dial = dial,
				  .nodeid = *nodeid,
				  .host = *host,
				  .now_us = play->now_us};
	play->connections[which].is_open = true;
	play->connections[which].nodeid = *nodeid;
	memset(&play->connections[which].dialled, 0, sizeof play->connections[which].dialled);
	if (dial != NULL)
		play->connections[which].dialled = dial->address;
	address_book_arrived(play->book, &arrival);
}

/* What others can do: tell an address, connect, and say that they listen there. */
static void do_as_a_stranger(struct play *play)
{
	struct message_entry entry = {.address = some_address(play), .nodeid = some_nodeid(play)};
	struct address host = some_address(play);
	size_t which;
	switch (rng_below(play->rng, 3)) {
	case 0:
		address_book_hear(play->book, &entry, 1, &host, play->now_us);
		break;
	case 1:
		if (some_connection(play, false, &which))
			arrive(play, which, NULL, &entry.nodeid, rng_below(play->rng, 2) == 0 ? &host : &entry.address);
		break;
	default:
		if (some_connection(play, true, &which))
			address_book_claimed(play->book, &play->connections[which], &entry.address, play->now_us);
	}
}

static const struct address_info *find_info(const struct address_info *infos, size_t count,
					    const struct address *address)
{
	for (size_t i = 0; i < count; i++)
		if (address_equals(&infos[i].address, address))
			return &infos[i];
	return NULL;
}

/* Whatever strangers do, what was reached, and what is held, stays as it is. */
static void check_a_stranger(struct play *play)
{
	static struct address_info before[MOST_ADDRESSES], after[MOST_ADDRESSES];
	size_t count = address_book_recent(play->book, before, MOST_ADDRESSES, play->now_us);
	do_as_a_stranger(play);
	size_t after_count = address_book_recent(play->book, after, MOST_ADDRESSES, play->now_us);
	for (size_t i = 0; i < count; i++) {
		bool is_held = holder_of(play, &before[i].address) < CONNECTIONS;
		if (before[i].kind != ADDRESS_TRIED && !is_held)
			continue;
		const struct address_info *info = find_info(after, after_count, &before[i].address);
		must(info != NULL && info->kind == before[i].kind && info->failures == before[i].failures);
		must(nodeid_equals(&info->nodeid, &before[i].nodeid));
	}
}

static void end_dial(struct play *play, const struct dial *dial)
{
	struct nodeid found = some_nodeid(play);
	size_t which, holder = holder_of(play, &dial->address);
	bool has_place = some_connection(play, false, &which);
	switch (rng_below(play->rng, 4)) {
	case 0:
		if (dial_is_feeler(dial))
			address_book_reached(play->book, dial, &found, play->now_us);
		else if (has_place)
			arrive(play, which, dial, &found, &dial->address);
		else
			address_book_abandoned(play->book, dial, play->now_us);
		/* The one thing that takes an address from who holds it. */
		if (holder < CONNECTIONS && dial->kind == DIAL_PROOF_CLAIM && nodeid_equals(&found, &dial->expected))
			play->connections[holder].dialled = (struct address){0};
		break;
	case 1:
		address_book_failed(play->book, dial, "connection refused", play->now_us);
		break;
	case 2:
		address_book_doubled(play->book, dial, "connected already", play->now_us);
		break;
	default:
		address_book_abandoned(play->book, dial, play->now_us);
	}
}

/* One dial, and its verdict. */
static void dial(struct play *play)
{
	enum address_book_wanted wanted = rng_below(play->rng, 2) == 0 ? ADDRESS_BOOK_PEERS : ADDRESS_BOOK_FEELERS;
	struct next_dial next = address_book_pick(play->book, wanted, play->now_us);
	if (!next.is_due) {
		must(next.next_us > play->now_us);
		play->now_us = next.next_us == FOREVER_US ? play->now_us + 1000000 : next.next_us;
		return;
	}
	bool is_claim = next.dial.kind == DIAL_PROOF_CLAIM;
	must(address_is_dialable(&next.dial.address));
	must(is_claim || (address_book_knows(play->book, &next.dial.address) &&
			  holder_of(play, &next.dial.address) == CONNECTIONS));
	end_dial(play, &next.dial);
	dial_fini(&next.dial);
}

static void disconnect(struct play *play, size_t which)
{
	play->connections[which].is_open = false;
	address_book_disconnected(play->book, &play->connections[which], rng_below(play->rng, 2) == 0,
				  rng_below(play->rng, 2) == 0 ? "timed out" : NULL, play->now_us);
}

static void check_holders(const struct play *play)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		if (!play->connections[i].is_open || !address_is_known(&play->connections[i].dialled))
			continue;
		struct nodeid tenant = address_book_tenant(play->book, &play->connections[i].dialled);
		must(nodeid_equals(&tenant, &play->connections[i].nodeid));
	}
}

static void use(struct play *play)
{
	size_t which;
	for (int i = 0; i < STEPS; i++) {
		uint32_t what = rng_below(play->rng, 8);
		if (what == 0 && some_connection(play, true, &which))
			disconnect(play, which);
		else if (what < 4 && play->records->count > 0)
			check_a_stranger(play);
		else
			dial(play);
		check_holders(play);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct address_records records;
	struct buffer text = {0};
	struct rng rng;
	rng_seed(&rng, hash_of(bytes, length));
	enum address_records_health health =
		address_records_read((const char *)bytes, length, MOST_ADDRESSES, &records);
	must(health != ADDRESS_RECORDS_FOREIGN || (records.count == 0 && !records.has_secret));
	check_records(&records);
	for (size_t i = 0; i < records.count; i++)
		must(records.records[i].failures <= ADDRESS_FAILURES);
	check_round_trip(&records, &text);
	check_salvage(&records, &text, &rng);
	buffer_fini(&text);

	struct address_book *book = new_book(&records);
	struct play play = {.book = book, .records = &records, .rng = &rng, .now_us = NOW_US};
	check_export(book, &records, NOW_US);
	use(&play);
	check_export(book, &records, play.now_us);
	address_book_free(book);
	address_records_fini(&records);
	return 0;
}
