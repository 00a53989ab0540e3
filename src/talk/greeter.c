#include "talk/greeter.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sync.h"

extern struct mutex greeter_guard;

/* What the lines depend on. */
struct key {
	struct address own; /* as the far end may dial it; may be unknown */
	bool tells_port;    /* the far end puts it to the host that it sees the connection come from */
	bool is_feeler;
	unsigned introduction;
};

/* Immutable once it is kept. */
struct greeting {
	atomic_uint references;
	struct key key;
	struct buffer hello;
	struct buffer addr; /* empty without an address */
};

struct greeter {
	/* Immutable. */
	const char *network;
	struct nodeid self;
	const struct listening *listening;
	/* Guarded. */
	struct mutex mutex;
	char name[MESSAGE_TEXT_BYTES] GUARDED_BY(greeter_guard);
	struct address advertise GUARDED_BY(greeter_guard);
	unsigned introduction GUARDED_BY(greeter_guard); /* counts the changes of these two */
	struct greeting *kept[GREETER_LINES] GUARDED_BY(greeter_guard);
	size_t kept_count GUARDED_BY(greeter_guard); /* ever kept; a ring */
};

static void enter(struct greeter *greeter) ACQUIRES(greeter_guard) UNCHECKED
{
	mutex_lock(&greeter->mutex);
}

static void leave(struct greeter *greeter) RELEASES(greeter_guard) UNCHECKED
{
	mutex_unlock(&greeter->mutex);
}

static void release(struct greeting *greeting)
{
	if (greeting == NULL || atomic_fetch_sub_explicit(&greeting->references, 1, memory_order_acq_rel) != 1)
		return;
	buffer_fini(&greeting->hello);
	buffer_fini(&greeting->addr);
	free(greeting);
}

struct greeter *greeter_new(const struct settings *settings, const struct nodeid *self,
			    const struct listening *listening)
{
	struct greeter *greeter = calloc(1, sizeof *greeter);
	if (greeter == NULL)
		return NULL;
	greeter->network = settings->network;
	greeter->self = *self;
	greeter->listening = listening;
	mutex_init(&greeter->mutex);
	greeter_introduce_as(greeter, settings->texts->name, &settings->texts->advertise);
	return greeter;
}

void greeter_free(struct greeter *greeter) UNCHECKED
{
	if (greeter == NULL)
		return;
	for (size_t i = 0; i < GREETER_LINES; i++)
		release(greeter->kept[i]);
	mutex_fini(&greeter->mutex);
	free(greeter);
}

void greeter_introduce_as(struct greeter *greeter, const char *name, const struct address *advertise)
{
	enter(greeter);
	snprintf(greeter->name, sizeof greeter->name, "%s", name);
	greeter->advertise = *advertise;
	greeter->introduction++; /* no line that is kept fits any more */
	leave(greeter);
}

/*
 * Of the listening addresses the one that fits a near end best: the near end itself, where this node listens there or
 * everywhere; else the first of the same family and scope. Unknown if there is none.
 */
static struct address listening_at(const struct greeter *greeter, const struct address *near_end)
{
	struct address other = {0};
	size_t count = listening_count(greeter->listening);
	for (size_t i = 0; i < count; i++) {
		struct address own = greeter->listening->addresses[i];
		if (own.family != near_end->family)
			continue;
		if (address_is_wildcard(&own))
			memcpy(own.host, near_end->host, sizeof own.host);
		if (address_same_host(&own, near_end))
			return own;
		if (!address_is_known(&other) && address_scope_of(&own) == address_scope_of(near_end))
			other = own;
	}
	return other;
}

/* Where this node listens, as the far end of this connection may dial it; false if there is no such address. */
static bool own_address(const struct greeter *greeter, const struct peer_info *info, struct address *own)
	REQUIRES(greeter_guard)
{
	if (address_is_known(&greeter->advertise))
		*own = greeter->advertise;
	else if (info->direction == PEER_INBOUND)
		*own = info->local;
	else
		*own = listening_at(greeter, &info->local);
	return address_is_known(own) && address_is_dialable(own) &&
	       address_may_travel(own, &info->local, &info->remote);
}

static struct key key_of(const struct greeter *greeter, const struct peer_info *info) REQUIRES(greeter_guard)
{
	struct key key = {.is_feeler = info->is_feeler, .introduction = greeter->introduction};
	struct address own;
	if (own_address(greeter, info, &own)) {
		key.own = own;
		key.tells_port = address_same_host(&own, &info->local);
	}
	return key;
}

static bool encode_hello(const struct greeter *greeter, const struct key *key, const char *name, struct buffer *out)
{
	struct message message = {.type = MESSAGE_HELLO,
				  .hello = {.nodeid = greeter->self,
					    .version = MESSAGE_VERSION,
					    .agent = "kithd/" KITH_VERSION,
					    .listen = key->tells_port ? key->own.port : 0,
					    .is_feeler = key->is_feeler}};
	strcpy(message.hello.network, greeter->network);
	strcpy(message.hello.name, name);
	return message_encode(&message, out);
}

static bool encode_addr(const struct greeter *greeter, const struct key *key, struct buffer *out)
{
	struct message_entry entry = {.address = key->own, .nodeid = greeter->self};
	struct message message = {.type = MESSAGE_ADDR, .addr = {.entries = &entry, .count = 1}};
	return !address_is_known(&key->own) || message_encode(&message, out);
}

/* NULL if there is no memory. */
static struct greeting *new_greeting(const struct greeter *greeter, const struct key *key, const char *name)
{
	struct greeting *greeting = calloc(1, sizeof *greeting);
	if (greeting == NULL)
		return NULL;
	atomic_init(&greeting->references, 1);
	greeting->key = *key;
	if (encode_hello(greeter, key, name, &greeting->hello) && encode_addr(greeter, key, &greeting->addr))
		return greeting;
	release(greeting);
	return NULL;
}

static bool is_for(const struct greeting *greeting, const struct key *key)
{
	return greeting->key.introduction == key->introduction && greeting->key.tells_port == key->tells_port &&
	       greeting->key.is_feeler == key->is_feeler && address_equals(&greeting->key.own, &key->own);
}

static struct greeting *find_kept(struct greeter *greeter, const struct key *key) REQUIRES(greeter_guard)
{
	for (size_t i = 0; i < GREETER_LINES && greeter->kept[i] != NULL; i++)
		if (is_for(greeter->kept[i], key))
			return greeter->kept[i];
	return NULL;
}

static struct greeting *hold(struct greeting *greeting)
{
	if (greeting != NULL)
		atomic_fetch_add_explicit(&greeting->references, 1, memory_order_relaxed);
	return greeting;
}

/*
 * The lines for this peer, held for the caller; NULL if there is no memory. Without the kept lines the 2,000
 * connections of make bench BENCH=keep take 1.13 to 1.17 times the processor time.
 */
static struct greeting *greeting_for(struct greeter *greeter, const struct peer_info *info)
{
	char name[MESSAGE_TEXT_BYTES];
	enter(greeter);
	struct key key = key_of(greeter, info);
	struct greeting *greeting = hold(find_kept(greeter, &key));
	strcpy(name, greeter->name);
	leave(greeter);
	if (greeting != NULL)
		return greeting;
	greeting = hold(new_greeting(greeter, &key, name));
	if (greeting == NULL)
		return NULL;
	enter(greeter);
	struct greeting **place = &greeter->kept[greeter->kept_count++ % GREETER_LINES];
	struct greeting *before = *place;
	*place = greeting;
	leave(greeter);
	release(before);
	return greeting;
}

void greeter_say_hello(struct greeter *greeter, struct peer *peer, const struct peer_info *info)
{
	struct greeting *greeting = greeting_for(greeter, info);
	if (greeting == NULL)
		peer_close(peer, BYE_SLOW);
	else
		peer_send_line(peer, MESSAGE_HELLO, &greeting->hello);
	release(greeting);
}

void greeter_say_address(struct greeter *greeter, struct peer *peer, const struct peer_info *info)
{
	struct greeting *greeting = greeting_for(greeter, info);
	if (greeting != NULL && address_is_known(&greeting->key.own))
		peer_send_line(peer, MESSAGE_ADDR, &greeting->addr);
	release(greeting);
}
