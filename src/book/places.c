#include "book/places.h"

#include <stdlib.h>

#include "base/keyed_table.h"
#include "base/must.h"

/* A host and a network may have the same first address. */
struct place_key {
	struct address first;
	uint32_t is_host;
};

struct place {
	struct place_key key;
	size_t count;
	UT_hash_handle hh;
};

void places_init(struct places *places)
{
	*places = (struct places){0};
}

void places_fini(struct places *places)
{
	struct place *place = places->records, *next;
	HASH_CLEAR(hh, places->records);
	for (; place != NULL; place = next) {
		next = place->hh.next;
		free(place);
	}
	*places = (struct places){0};
}

static struct place_key key_of(const struct address *address, bool is_host)
{
	return (struct place_key){.first = is_host ? address_source(address) : address_network(address),
				  .is_host = is_host};
}

static struct place *find(const struct places *places, const struct address *address, bool is_host)
{
	struct place_key key = key_of(address, is_host);
	struct place *place;
	HASH_FIND(hh, places->records, &key, sizeof key, place);
	return place;
}

static void take(struct places *places, const struct address *address, bool is_host)
{
	struct place *place = find(places, address, is_host);
	if (place == NULL) {
		place = calloc(1, sizeof *place);
		if (place == NULL)
			return;
		place->key = key_of(address, is_host);
		HASH_ADD(hh, places->records, key, sizeof place->key, place);
		if (place->hh.tbl == NULL) {
			free(place);
			return;
		}
	}
	places->surplus_hosts += is_host && place->count > 0;
	places->surplus_networks += !is_host && place->count >= places->network_share;
	place->count++;
}

static void give_back(struct places *places, const struct address *address, bool is_host)
{
	struct place *place = find(places, address, is_host);
	if (place == NULL)
		return;
	places->surplus_hosts -= is_host && place->count > 1;
	places->surplus_networks -= !is_host && place->count > places->network_share;
	if (--place->count > 0)
		return;
	/* What was found in the table is in it: clang-tidy does not know that. */
	must(places->records != NULL);
	HASH_DEL(places->records, place);
	free(place);
}

void places_take(struct places *places, const struct address *address)
{
	if (address_scope_of(address) != SCOPE_GLOBAL)
		return;
	take(places, address, true);
	take(places, address, false);
}

void places_give_back(struct places *places, const struct address *address)
{
	if (address_scope_of(address) != SCOPE_GLOBAL)
		return;
	give_back(places, address, true);
	give_back(places, address, false);
}

static size_t network_share(size_t most)
{
	return most < (size_t)2 * PLACES_NETWORK_SHARE ? 1 : most / PLACES_NETWORK_SHARE;
}

static bool has_more_than(const struct places *places, const struct address *address, size_t of_host, size_t of_network)
{
	const struct place *host = find(places, address, true), *network = find(places, address, false);
	return (host != NULL && host->count > of_host) || (network != NULL && network->count > of_network);
}

bool places_is_crowded(const struct places *places, const struct address *address, size_t most)
{
	return address_scope_of(address) == SCOPE_GLOBAL && has_more_than(places, address, 0, network_share(most) - 1);
}

bool places_is_surplus(const struct places *places, const struct address *address, size_t most)
{
	return address_scope_of(address) == SCOPE_GLOBAL && has_more_than(places, address, 1, network_share(most));
}

static void count_networks(struct places *places)
{
	places->surplus_networks = 0;
	for (const struct place *place = places->records; place != NULL; place = place->hh.next)
		if (!place->key.is_host && place->count > places->network_share)
			places->surplus_networks += place->count - places->network_share;
}

bool places_has_surplus(struct places *places, size_t most)
{
	if (places->network_share != network_share(most)) {
		places->network_share = network_share(most);
		count_networks(places);
	}
	return places->surplus_hosts > 0 || places->surplus_networks > 0;
}
