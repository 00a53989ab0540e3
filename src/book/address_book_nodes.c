#include "book/address_book_priv.h"

#include <stdlib.h>

struct node *book_find_node(struct address_book *book, const struct nodeid *nodeid)
{
	struct node *node;
	HASH_FIND(hh, book->nodes, nodeid, sizeof *nodeid, node);
	return node;
}

struct connection *book_find_connection(struct address_book *book, const void *key)
{
	struct connection *connection;
	HASH_FIND_PTR(book->connections, &key, connection);
	return connection;
}

struct connection *book_find_connection_of(struct address_book *book, const struct nodeid *nodeid)
{
	struct node *node = book_find_node(book, nodeid);
	return node == NULL ? NULL : node->connections;
}

/* NULL if there is no memory. */
static struct node *need_node(struct address_book *book, const struct nodeid *nodeid) REQUIRES(address_book_guard)
{
	struct node *node = book_find_node(book, nodeid);
	if (node != NULL || (node = calloc(1, sizeof *node)) == NULL)
		return node;
	node->nodeid = *nodeid;
	HASH_ADD(hh, book->nodes, nodeid, sizeof node->nodeid, node);
	if (node->hh.tbl == NULL) {
		free(node);
		return NULL;
	}
	return node;
}

static void drop_node(struct address_book *book, struct node *node) REQUIRES(address_book_guard)
{
	if (node->connections != NULL || node->dials > 0)
		return;
	HASH_DEL(book->nodes, node);
	free(node);
}

void book_count_dials(struct address_book *book, const struct nodeid *nodeid, int change)
{
	if (nodeid_is_none(nodeid))
		return;
	struct node *node = change > 0 ? need_node(book, nodeid) : book_find_node(book, nodeid);
	if (node == NULL)
		return;
	if ((int)node->dials + change >= 0)
		node->dials += (unsigned)change;
	drop_node(book, node);
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

/* ---- the entries of a connection ---- */

void book_part(struct address_book *book, struct address_entry *entry, int64_t now_us)
{
	address_entry_unlink(entry);
	entry->connection = NULL;
	if (!entry->is_held)
		return;
	entry->is_held = false;
	entry->heard_us = now_us;
	book_count_group(book, &entry->address, -1);
}

static void link_to(struct address_entry *entry, struct connection *connection)
{
	entry->connection = connection;
	address_entry_link(&connection->entries, entry);
}

void book_hold(struct address_book *book, struct address_entry *entry, struct connection *connection, int64_t now_us)
{
	if (entry->is_held && entry->connection == connection)
		return;
	book_part(book, entry, now_us);
	link_to(entry, connection);
	entry->is_held = true;
	entry->doubles = 0;
	book_count_group(book, &entry->address, 1);
	address_table_set_due(&book->table, entry, FOREVER_US);
}

void book_join(struct address_book *book, struct address_entry *entry, struct connection *connection, int64_t now_us)
{
	int64_t least_us = book->settings->retry_max_us;
	int64_t most_us = least_us > ADDRESS_BOOK_DOUBLE_US ? least_us : ADDRESS_BOOK_DOUBLE_US;
	book_part(book, entry, now_us);
	link_to(entry, connection);
	int64_t wait_us = address_book_backoff_us(least_us, most_us, ++entry->doubles, &book->rng);
	address_table_set_due(&book->table, entry, now_us + wait_us);
}

/* Takes back what was said of the entries of a connection that is over. */
static void let_go(struct address_book *book, struct connection *connection, bool was_steady, const char *error,
		   int64_t now_us) REQUIRES(address_book_guard)
{
	while (connection->entries != NULL) {
		struct address_entry *entry = connection->entries;
		bool was_held = entry->is_held;
		book_part(book, entry, now_us);
		entry->doubles = 0;
		if (was_held && error != NULL) {
			entry->failures = was_steady ? 1 : entry->failures + 1;
			entry->backoff = was_steady ? 1 : entry->backoff + 1;
			book_set_error(book, entry, error, now_us);
		}
		if (!entry->is_dialing)
			address_table_set_due(&book->table, entry, book_after_failure_us(book, entry->backoff, now_us));
		book->changes++;
	}
}

/* ---- connections ---- */

/* NULL if there is no memory: its addresses may be dialled, which ends as a duplicate. */
static struct connection *add_connection(struct address_book *book, const struct arrival *arrival)
	REQUIRES(address_book_guard)
{
	struct node *node = need_node(book, &arrival->nodeid);
	struct connection *connection = node == NULL ? NULL : calloc(1, sizeof *connection);
	if (connection != NULL) {
		connection->key = arrival->connection;
		HASH_ADD_PTR(book->connections, key, connection);
	}
	if (connection == NULL || connection->hh.tbl == NULL) {
		if (node != NULL)
			drop_node(book, node);
		free(connection);
		return NULL;
	}
	connection->node = node;
	connection->next = node->connections;
	node->connections = connection;
	connection->host = arrival->host;
	connection->host.port = 0;
	connection->since_us = arrival->now_us;
	connection->is_dialled = arrival->dial != NULL;
	return connection;
}

static void remove_connection(struct address_book *book, struct connection *connection) REQUIRES(address_book_guard)
{
	struct connection **link = &connection->node->connections;
	while (*link != connection)
		link = &(*link)->next;
	*link = connection->next;
	drop_node(book, connection->node);
	HASH_DEL(book->connections, connection);
	free(connection);
}

void address_book_arrived(struct address_book *book, const struct arrival *arrival)
{
	book_enter(book);
	struct connection *connection = add_connection(book, arrival);
	for (size_t i = 0; i < book->name_count; i++)
		if (book_is_satisfied(book, &book->names[i]))
			book->names[i].failures = 0;
	targets_meet(&book->targets, &arrival->host);
	if (arrival->dial != NULL)
		book_reached(book, arrival->dial, &arrival->nodeid, connection, arrival->now_us);
	book_leave(book);
}

bool address_book_disconnected(struct address_book *book, const void *key, bool was_steady, const char *error,
			       int64_t now_us)
{
	bool is_dialable = false;
	book_enter(book);
	struct connection *connection = book_find_connection(book, key);
	if (connection != NULL) {
		is_dialable = connection->entries != NULL;
		let_go(book, connection, was_steady, error, now_us);
		book_drop_claim(book, connection);
		remove_connection(book, connection);
	}
	book_leave(book);
	return is_dialable;
}

bool address_book_is_connected(struct address_book *book, const struct nodeid *nodeid)
{
	book_enter(book);
	bool found = book_find_connection_of(book, nodeid) != NULL;
	book_leave(book);
	return found;
}

struct nodeid address_book_tenant(struct address_book *book, const struct address *address)
{
	book_enter(book);
	const struct address_entry *entry = address_table_find(&book->table, address);
	struct nodeid tenant = entry != NULL && entry->is_held ? entry->connection->node->nodeid : nodeid_none;
	book_leave(book);
	return tenant;
}
