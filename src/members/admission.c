#include "members/admission.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/keyed_table.h"
#include "base/slab.h"
#include "base/sync.h"

extern struct mutex admission_guard;

struct offender {
	struct address host; /* without a port */
	int64_t banned_until_us;
	int64_t errors_us[SETTINGS_BAN_AFTER]; /* the times of the last ones: a ring */
	size_t errors;			       /* since the last ban */
	UT_hash_handle hh;
};

struct admission {
	/* Immutable. */
	const struct settings *settings;
	struct mutex mutex;
	/* Atomic. */
	atomic_bool has_lists; /* most nodes have none, and this is asked for each address heard of */
	/* Guarded. */
	struct address_blocks allow GUARDED_BY(admission_guard);
	struct address_blocks deny GUARDED_BY(admission_guard);
	struct offender *offenders GUARDED_BY(admission_guard); /* the one whose last error is oldest first */
	struct slab slab GUARDED_BY(admission_guard);		/* of offenders */
};

static void enter(struct admission *admission) ACQUIRES(admission_guard) UNCHECKED
{
	mutex_lock(&admission->mutex);
}

static void leave(struct admission *admission) RELEASES(admission_guard) UNCHECKED
{
	mutex_unlock(&admission->mutex);
}

struct admission *admission_new(const struct settings *settings) UNCHECKED
{
	struct admission *admission = calloc(1, sizeof *admission);
	if (admission == NULL)
		return NULL;
	admission->settings = settings;
	mutex_init(&admission->mutex);
	slab_init(&admission->slab, sizeof(struct offender));
	if (!admission_set_lists(admission, settings)) {
		admission_free(admission);
		return NULL;
	}
	return admission;
}

void admission_free(struct admission *admission) UNCHECKED
{
	if (admission == NULL)
		return;
	struct offender *offender = admission->offenders, *next;
	HASH_CLEAR(hh, admission->offenders);
	for (; offender != NULL; offender = next) {
		next = offender->hh.next;
		slab_give(&admission->slab, offender);
	}
	slab_fini(&admission->slab);
	free(admission->allow.blocks);
	free(admission->deny.blocks);
	mutex_fini(&admission->mutex);
	free(admission);
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

bool admission_set_lists(struct admission *admission, const struct settings *settings)
{
	struct address_blocks allow, deny;
	bool copied = copy_blocks(&settings->texts->allow, &allow);
	copied = copy_blocks(&settings->texts->deny, &deny) && copied;
	if (copied) {
		enter(admission);
		struct address_blocks allowed = admission->allow, denied = admission->deny;
		admission->allow = allow;
		admission->deny = deny;
		atomic_store(&admission->has_lists, allow.count + deny.count > 0);
		leave(admission);
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

bool admission_allows(struct admission *admission, const struct address *host)
{
	if (!atomic_load(&admission->has_lists))
		return true;
	enter(admission);
	bool is_allowed = admission->allow.count == 0 || has(&admission->allow, host);
	bool is_denied = has(&admission->deny, host);
	leave(admission);
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

static struct offender *find(struct admission *admission, const struct address *host) REQUIRES(admission_guard)
{
	struct address key = address_host(host);
	struct offender *offender;
	HASH_FIND(hh, admission->offenders, &key, sizeof key, offender);
	return offender;
}

bool admission_is_banned(struct admission *admission, const struct address *host, int64_t now_us)
{
	if (admission->settings->ban_after == 0 || admission->settings->ban_time_us == 0)
		return false;
	enter(admission);
	const struct offender *offender = find(admission, host);
	bool is_banned = offender != NULL && now_us < offender->banned_until_us;
	leave(admission);
	return is_banned;
}

/* Moves this host to the end of the queue, or adds it there. NULL if there is no memory. */
static struct offender *queue(struct admission *admission, const struct address *host) REQUIRES(admission_guard)
{
	struct offender *offender = find(admission, host);
	if (offender == NULL && HASH_COUNT(admission->offenders) >= ADMISSION_HOSTS)
		offender = admission->offenders;
	if (offender != NULL)
		HASH_DEL(admission->offenders, offender);
	else if ((offender = slab_take(&admission->slab)) == NULL)
		return NULL;
	if (!address_same_host(&offender->host, host))
		*offender = (struct offender){.host = address_host(host)};
	HASH_ADD(hh, admission->offenders, host, sizeof offender->host, offender);
	if (offender->hh.tbl != NULL)
		return offender;
	slab_give(&admission->slab, offender);
	return NULL;
}

/* Were the last `often` errors within the window? */
static bool has_erred_too_often(const struct offender *offender, size_t often, int64_t now_us)
{
	if (offender->errors < often)
		return false;
	int64_t first_us = offender->errors_us[(offender->errors - often) % SETTINGS_BAN_AFTER];
	return now_us - first_us < ADMISSION_WINDOW_US;
}

bool admission_note_error(struct admission *admission, const struct address *host, int64_t now_us)
{
	size_t often = (size_t)admission->settings->ban_after;
	int64_t ban_us = admission->settings->ban_time_us;
	bool is_banned = false;
	if (often == 0 || ban_us == 0 || !may_be_banned(host))
		return false;
	enter(admission);
	struct offender *offender = queue(admission, host);
	if (offender != NULL) {
		offender->errors_us[offender->errors++ % SETTINGS_BAN_AFTER] = now_us;
		is_banned = has_erred_too_often(offender, often, now_us);
	}
	if (is_banned) {
		offender->banned_until_us = now_us + ban_us;
		offender->errors = 0;
	}
	leave(admission);
	return is_banned;
}
