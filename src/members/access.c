#include "members/access.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/keyed_table.h"
#include "base/slab.h"
#include "base/sync.h"
#include "members/tally_priv.h"

extern struct mutex access_guard;

struct offender {
	struct address host;   /* address_source */
	struct tally *network; /* its offenders */
	int64_t banned_until_us;
	int64_t errors_us[SETTINGS_BAN_AFTER]; /* the times of the last ones: a ring */
	size_t errors;			       /* since the last ban */
	UT_hash_handle hh;
};

struct access {
	/* Immutable. */
	const struct settings *settings;
	struct mutex mutex;
	/* Atomic. */
	atomic_bool has_lists; /* most nodes have none, and this is asked for each address heard of */
	/* Guarded. */
	struct address_blocks allow GUARDED_BY(access_guard);
	struct address_blocks deny GUARDED_BY(access_guard);
	struct offender *offenders GUARDED_BY(access_guard); /* the one whose last error is oldest first */
	struct tally *networks GUARDED_BY(access_guard);     /* address_network */
	struct slab slab GUARDED_BY(access_guard);	     /* of offenders */
};

static void enter(struct access *access) ACQUIRES(access_guard) UNCHECKED
{
	mutex_lock(&access->mutex);
}

static void leave(struct access *access) RELEASES(access_guard) UNCHECKED
{
	mutex_unlock(&access->mutex);
}

struct access *access_new(const struct settings *settings) UNCHECKED
{
	struct access *access = calloc(1, sizeof *access);
	if (access == NULL)
		return NULL;
	access->settings = settings;
	mutex_init(&access->mutex);
	slab_init(&access->slab, sizeof(struct offender));
	if (!access_set_lists(access, settings)) {
		access_free(access);
		return NULL;
	}
	return access;
}

void access_free(struct access *access) UNCHECKED
{
	if (access == NULL)
		return;
	struct offender *offender = access->offenders, *next;
	HASH_CLEAR(hh, access->offenders);
	for (; offender != NULL; offender = next) {
		next = offender->hh.next;
		tally_quit(&access->networks, offender->network);
		slab_give(&access->slab, offender);
	}
	slab_fini(&access->slab);
	free(access->allow.blocks);
	free(access->deny.blocks);
	mutex_fini(&access->mutex);
	free(access);
}

/* ---- the lists ---- */

static bool copy_blocks(const struct address_blocks *from, struct address_blocks *to)
{
	to->count = from->count;
	to->blocks = calloc(from->count + 1, sizeof *to->blocks);
	if (to->blocks != NULL && from->count > 0)
		memcpy(to->blocks, from->blocks, from->count * sizeof *to->blocks);
	return to->blocks != NULL;
}

bool access_set_lists(struct access *access, const struct settings *settings)
{
	struct address_blocks allow, deny;
	bool copied = copy_blocks(&settings->texts->allow, &allow);
	copied = copy_blocks(&settings->texts->deny, &deny) && copied;
	if (copied) {
		enter(access);
		struct address_blocks allowed = access->allow, denied = access->deny;
		access->allow = allow;
		access->deny = deny;
		atomic_store(&access->has_lists, allow.count + deny.count > 0);
		leave(access);
		allow = allowed;
		deny = denied;
	}
	free(allow.blocks);
	free(deny.blocks);
	return copied;
}

static bool has(const struct address_blocks *list, const struct address *host)
{
	for (size_t i = 0; i < list->count; i++)
		if (address_block_holds(&list->blocks[i], host))
			return true;
	return false;
}

bool access_allows(struct access *access, const struct address *host)
{
	if (!atomic_load(&access->has_lists))
		return true;
	enter(access);
	bool is_allowed = access->allow.count == 0 || has(&access->allow, host);
	bool is_denied = has(&access->deny, host);
	leave(access);
	return is_allowed && !is_denied;
}

/* ---- bans ---- */

static bool may_be_banned(const struct address *host)
{
	static const struct address own[] = {
		{.family = ADDRESS_IPV4, .host = {127, 0, 0, 1}},
		{.family = ADDRESS_IPV6, .host = {[15] = 1}},
	};
	return !address_same_host(host, &own[0]) && !address_same_host(host, &own[1]);
}

static struct offender *find(struct access *access, const struct address *host) REQUIRES(access_guard)
{
	struct address key = address_source(host);
	struct offender *offender;
	HASH_FIND(hh, access->offenders, &key, sizeof key, offender);
	return offender;
}

bool access_is_banned(struct access *access, const struct address *host, int64_t now_us)
{
	if (access->settings->ban_after == 0 || access->settings->ban_time_us == 0)
		return false;
	enter(access);
	const struct offender *offender = find(access, host);
	bool is_banned = offender != NULL && now_us < offender->banned_until_us;
	leave(access);
	return is_banned;
}

static void forget(struct access *access, struct offender *offender) REQUIRES(access_guard)
{
	HASH_DEL(access->offenders, offender);
	tally_quit(&access->networks, offender->network);
	slab_give(&access->slab, offender);
}

/*
 * The one that makes room: of the network that has most, counting the newcomer, the host that has been quiet for
 * longest. An attacker whose hosts are without number displaces his own.
 */
static struct offender *choose_to_forget(struct access *access, const struct address *newcomer) REQUIRES(access_guard)
{
	const struct tally *own = tally_find(access->networks, address_network(newcomer));
	struct offender *chosen = NULL;
	size_t most = 0;
	for (struct offender *offender = access->offenders; offender != NULL; offender = offender->hh.next) {
		size_t count = offender->network->connections + (offender->network == own);
		if (count > most) {
			most = count;
			chosen = offender;
		}
	}
	return chosen;
}

/* At the end of the queue. NULL, and it is freed, if there is no memory; or was none to count it in its network. */
static struct offender *append(struct access *access, struct offender *offender) REQUIRES(access_guard)
{
	if (offender->network != NULL)
		HASH_ADD(hh, access->offenders, host, sizeof offender->host, offender);
	if (offender->hh.tbl != NULL)
		return offender;
	tally_quit(&access->networks, offender->network);
	slab_give(&access->slab, offender);
	return NULL;
}

/* Adds this host at the end of the queue. NULL if there is no memory. */
static struct offender *add(struct access *access, const struct address *host) REQUIRES(access_guard)
{
	if (HASH_COUNT(access->offenders) >= ACCESS_HOSTS)
		forget(access, choose_to_forget(access, host));
	struct offender *offender = slab_take(&access->slab);
	if (offender == NULL)
		return NULL;
	offender->host = address_source(host);
	offender->network = tally_join(&access->networks, address_network(host));
	return append(access, offender);
}

/* Moves this host to the end of the queue, or adds it there. NULL if there is no memory. */
static struct offender *queue(struct access *access, const struct address *host) REQUIRES(access_guard)
{
	struct offender *offender = find(access, host);
	if (offender == NULL)
		return add(access, host);
	HASH_DEL(access->offenders, offender);
	return append(access, offender);
}

/* Were the last `often` errors within the window? */
static bool has_erred_too_often(const struct offender *offender, size_t often, int64_t now_us)
{
	if (offender->errors < often)
		return false;
	int64_t first_us = offender->errors_us[(offender->errors - often) % SETTINGS_BAN_AFTER];
	return now_us - first_us < ACCESS_WINDOW_US;
}

bool access_note_error(struct access *access, const struct address *host, int64_t now_us)
{
	size_t often = (size_t)access->settings->ban_after;
	int64_t ban_us = access->settings->ban_time_us;
	bool is_banned = false;
	if (often == 0 || ban_us == 0 || !may_be_banned(host))
		return false;
	enter(access);
	struct offender *offender = queue(access, host);
	if (offender != NULL) {
		offender->errors_us[offender->errors++ % SETTINGS_BAN_AFTER] = now_us;
		is_banned = has_erred_too_often(offender, often, now_us);
	}
	if (is_banned) {
		offender->banned_until_us = now_us + ban_us;
		offender->errors = 0;
	}
	leave(access);
	return is_banned;
}

size_t access_list_bans(struct access *access, struct access_ban list[static ACCESS_HOSTS], int64_t now_us)
{
	size_t count = 0;
	enter(access);
	for (const struct offender *offender = access->offenders; offender != NULL; offender = offender->hh.next)
		if (now_us < offender->banned_until_us && count < ACCESS_HOSTS)
			list[count++] = (struct access_ban){offender->host, offender->banned_until_us};
	leave(access);
	return count;
}

size_t access_unban(struct access *access, const struct address_block *block, int64_t now_us)
{
	struct address source = address_source(&block->base);
	size_t count = 0;
	enter(access);
	for (struct offender *offender = access->offenders; offender != NULL; offender = offender->hh.next) {
		/* One address of an IPv6 host stands for all of it. */
		if (!address_block_holds(block, &offender->host) && !address_same_host(&source, &offender->host))
			continue;
		count += now_us < offender->banned_until_us;
		offender->banned_until_us = 0;
		offender->errors = 0;
	}
	leave(access);
	return count;
}
