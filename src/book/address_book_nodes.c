#include "book/address_book_priv.h"

#include <stdlib.h>

struct node *book_find_node(struct address_book *book, const struct nodeid *nodeid)
{
	struct node *node;
	HASH_FIND(hh, book->nodes, nodeid, sizeof *nodeid, node);
	return node;
}

bool book_is_connected(struct address_book *book, const struct nodeid *nodeid)
{
	const struct node *node = book_find_node(book, nodeid);
	return node != NULL && node->connections > 0;
}

void book_count_node(struct address_book *book, const struct nodeid *nodeid, int connections, int dials)
{
	struct node *node = book_find_node(book, nodeid);
	if (nodeid_is_none(nodeid))
		return;
	if (node == NULL) {
		node = calloc(1, sizeof *node);
		if (node == NULL)
			return;
		node->nodeid = *nodeid;
		HASH_ADD(hh, book->nodes, nodeid, sizeof node->nodeid, node);
		if (node->hh.tbl == NULL) {
			free(node);
			return;
		}
	}
	if ((int)node->connections + connections >= 0)
		node->connections += (unsigned)connections;
	if ((int)node->dials + dials >= 0)
		node->dials += (unsigned)dials;
	if (node->connections == 0 && node->dials == 0) {
		HASH_DEL(book->nodes, node);
		free(node);
	}
}

struct group *book_find_group(struct address_book *book, const struct address *address)
{
	uint64_t id = address_group(address);
	struct group *group;
	HASH_FIND(hh, book->groups, &id, sizeof id, group);
	return group;
}

void book_count_group(struct address_book *book, const struct address *address, int change)
{
	struct group *group = book_find_group(book, address);
	if (group == NULL && change > 0) {
		group = calloc(1, sizeof *group);
		if (group == NULL)
			return;
		group->id = address_group(address);
		HASH_ADD(hh, book->groups, id, sizeof group->id, group);
		if (group->hh.tbl == NULL) {
			free(group);
			return;
		}
	}
	if (group != NULL && (group->count += (unsigned)change) == 0) {
		HASH_DEL(book->groups, group);
		free(group);
	}
}

void book_attach(struct address_book *book, struct address_entry *entry, int64_t now_us)
{
	struct node *node = book_find_node(book, &entry->nodeid);
	if (entry->since_us != NEVER_US || node == NULL || node->connections == 0)
		return;
	entry->since_us = now_us;
	entry->node_next = node->entries;
	node->entries = entry;
	book_count_group(book, &entry->address, 1);
	address_table_set_due(&book->table, entry, FOREVER_US);
}

void book_detach(struct address_book *book, struct address_entry *entry, int64_t now_us)
{
	if (entry->since_us == NEVER_US)
		return;
	struct node *node = book_find_node(book, &entry->nodeid);
	struct address_entry **link = node == NULL ? NULL : &node->entries;
	while (link != NULL && *link != NULL && *link != entry)
		link = &(*link)->node_next;
	if (link != NULL && *link != NULL)
		*link = entry->node_next;
	entry->since_us = NEVER_US;
	entry->heard_us = now_us;
	book_count_group(book, &entry->address, -1);
}

void address_book_arrived(struct address_book *book, const struct arrival *arrival)
{
	book_enter(book);
	book_count_node(book, &arrival->nodeid, 1, 0);
	for (size_t i = 0; i < book->name_count; i++)
		if (book_is_satisfied(book, &book->names[i]))
			book->names[i].failures = 0;
	if (arrival->dial != NULL)
		book_reached(book, arrival->dial, &arrival->nodeid, arrival->now_us);
	if (address_is_known(&arrival->listen))
		book_announced(book, &arrival->listen, &arrival->nodeid, arrival->now_us);
	book_leave(book);
}

/* Takes back what attach did for the addresses of a node that is gone. */
static bool lose(struct address_book *book, struct node *node, bool was_steady, const char *error, int64_t now_us)
	REQUIRES(address_book_guard)
{
	bool is_dialable = node->entries != NULL;
	while (node->entries != NULL) {
		struct address_entry *entry = node->entries;
		book_detach(book, entry, now_us);
		if (error != NULL) {
			entry->failures = was_steady ? 1 : entry->failures + 1;
			entry->backoff = was_steady ? 1 : entry->backoff + 1;
			book_set_error(book, entry, error, now_us);
		}
		if (!entry->is_dialing)
			address_table_set_due(&book->table, entry, book_after_failure_us(book, entry->backoff, now_us));
		book->changes++;
	}
	return is_dialable;
}

bool address_book_disconnected(struct address_book *book, const struct nodeid *nodeid, bool was_steady,
			       const char *error, int64_t now_us)
{
	bool is_dialable = false;
	book_enter(book);
	struct node *node = book_find_node(book, nodeid);
	if (node != NULL && node->connections == 1)
		is_dialable = lose(book, node, was_steady, error, now_us);
	book_count_node(book, nodeid, -1, 0);
	book_leave(book);
	return is_dialable;
}

bool address_book_is_connected(struct address_book *book, const struct nodeid *nodeid)
{
	book_enter(book);
	bool found = book_is_connected(book, nodeid);
	book_leave(book);
	return found;
}

struct nodeid address_book_tenant(struct address_book *book, const struct address *address)
{
	book_enter(book);
	const struct address_entry *entry = address_table_find(&book->table, address);
	struct nodeid tenant = entry != NULL && entry->since_us != NEVER_US ? entry->nodeid : nodeid_none;
	book_leave(book);
	return tenant;
}
