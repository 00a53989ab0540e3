#include "node/node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/keyed_hash.h"
#include "base/keyed_table.h"
#include "base/log.h"
#include "base/problem.h"
#include "base/rng.h"
#include "base/sync.h"
#include "book/address_book.h"
#include "book/saver.h"
#include "book/state.h"
#include "link/pool.h"
#include "link/resolver.h"
#include "link/tls_context.h"
#include "members/access.h"
#include "members/lines.h"
#include "members/registry.h"
#include "members/sources.h"
#include "mesh/problems.h"
#include "mesh/reports.h"
#include "node/acceptor.h"
#include "node/connector.h"
#include "node/memory_priv.h"
#include "talk/protocol.h"
#include "wire/nodeid.h"

/* An idle thread ends after this time without a new connection. */
#define PARKED_US ((int64_t)10 * 1000 * 1000)

/* What nobody may guess. */
struct draws {
	struct hash_key book_secret, protocol_secret;
	uint64_t book_seed, protocol_seed;
};

struct node {
	struct settings *settings;
	struct draws draws;
	struct nodeid nodeid;
	int64_t started_us;
	struct alarm alarm;
	struct registry *registry;
	struct address_book *book;
	struct access *access;
	struct bans *bans;
	struct journal *journal;
	struct counters counters;
	struct sources *sources;
	struct lines *lines;
	struct pace *pace;
	struct reports *reports;
	struct problems *problems;
	struct acceptor *acceptor;
	struct protocol *protocol;
	struct pool *pool;
	struct tls_context *context; /* NULL for a public network */
	struct worker_parts parts;
	struct connector connector;
	struct state *state; /* NULL if nothing is kept */
	struct saver saver;
	bool has_resolver;
	bool accepts;
	bool connects;
	bool saves;
	/* A reload ran out of memory here: the next one tries again. */
	bool lacks_bootstraps, lacks_lists;
};

/* Opens the state of the last run, and chooses the nodeid. False with a problem. */
static bool open_state(struct node *node, struct problem *problem)
{
	const struct settings *settings = node->settings;
	if (settings->state_dir[0] != '\0') {
		node->state = state_open(settings->state_dir, problem);
		if (node->state == NULL)
			return false;
	}
	if (settings_keep_nodeid(settings))
		return state_nodeid(node->state, &node->nodeid, problem);
	node->nodeid = settings->nodeid_mode == NODEID_GIVEN ? settings->nodeid : nodeid_random();
	return true;
}

/* Says how many addresses an earlier run has left, and why some of them are not used. */
static void log_known(const struct address_book_import *import, size_t left_out)
{
	const struct {
		size_t count;
		const char *why;
	} dropped[] = {{import->unheard, "nobody has told of them for 30 days"},
		       {import->failed, "they failed too often"},
		       {import->crowded + left_out, "there is no place for them (max_addresses)"},
		       {import->own, "this node listens there"}};
	char text[256] = "";
	size_t used = 0;
	for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
		if (dropped[i].count > 0)
			used += (size_t)snprintf(text + used, sizeof text - used, "%s %zu because %s",
						 used == 0 ? "; dropped:" : ",", dropped[i].count, dropped[i].why);
	if (import->known > 0 || used > 0)
		log_info("%zu %s known from before%s", import->known,
			 import->known == 1 ? "address is" : "addresses are", text);
}

/* The parts that have no threads. */
static bool build(struct node *node, const struct address_records *kept)
{
	const struct settings *settings = node->settings;
	struct hash_key secret = kept->has_secret ? kept->secret : node->draws.book_secret;
	node->registry = registry_new(&node->nodeid, settings);
	node->book = address_book_new(settings, &secret, node->draws.book_seed, clock_now_us());
	node->access = access_new(settings);
	node->bans = bans_new();
	node->journal = journal_new((size_t)settings->journal_events);
	node->sources = sources_new();
	node->lines = lines_new(node->sources, clock_now_us());
	node->pace = pace_new(settings);
	node->reports = reports_new(settings, &node->nodeid);
	node->problems = problems_new();
	node->pool = pool_new((size_t)settings->max_parked, PARKED_US);
	if (node->registry == NULL || node->book == NULL || node->access == NULL || node->bans == NULL ||
	    node->journal == NULL || node->sources == NULL || node->lines == NULL || node->pace == NULL ||
	    node->reports == NULL || node->problems == NULL || node->pool == NULL)
		return false;
	struct parts common = {.settings = settings,
			       .listening = acceptor_listening(node->acceptor),
			       .registry = node->registry,
			       .book = node->book,
			       .access = node->access,
			       .bans = node->bans,
			       .journal = node->journal,
			       .counters = &node->counters,
			       .sources = node->sources,
			       .lines = node->lines,
			       .pace = node->pace,
			       .reports = node->reports,
			       .problems = node->problems};
	struct protocol_parts parts = {.common = common,
				       .self = node->nodeid,
				       .alarm = &node->alarm,
				       .secret = node->draws.protocol_secret,
				       .seed = node->draws.protocol_seed};
	node->protocol = protocol_new(&parts);
	node->parts = (struct worker_parts){
		.common = common, .protocol = node->protocol, .pool = node->pool, .context = node->context};
	/* After the protocol has said which addresses are this node's own. */
	struct address_book_import import = address_book_import(node->book, kept, clock_now_us());
	log_known(&import, kept->left_out);
	return node->protocol != NULL;
}

static bool build_from_state(struct node *node)
{
	struct address_records kept = {0};
	if (node->state != NULL)
		state_load_addresses(node->state, (size_t)node->settings->max_addresses, &kept);
	bool built = build(node, &kept);
	address_records_fini(&kept);
	/* Reading them leaves free memory between what is kept: 80 of 100 MB for a full book (make bench BENCH=worst).
	 */
	memory_trim();
	return built;
}

static int start_threads(struct node *node)
{
	int error = 0;
	if (node->state != NULL) {
		/* Before anything can change. */
		error = saver_start(&node->saver, node->state, node->book, node->settings);
		node->saves = error == 0;
	}
	if (error != 0)
		return error;
	error = acceptor_start(node->acceptor, &node->parts);
	node->accepts = error == 0;
	if (error != 0)
		return error;
	error = connector_start(&node->connector, &node->parts, &node->alarm);
	node->connects = error == 0;
	return error;
}

/* A node that other machines can reach should not be open by mistake. */
static void warn_of_openness(const struct node *node)
{
	char text[ADDRESS_TEXT_BYTES];
	const struct address *address = acceptor_beyond_loopback(node->acceptor);
	if (node->context != NULL || address == NULL)
		return;
	address_format(address, text);
	log_warning("anyone who can reach %s can join, and traffic is not encrypted: set secret_file (kithd "
		    "--new-secret makes one), or listen on 127.0.0.1 only; see kith.conf(5)",
		    text);
}

static void warn_of_seclusion(const struct settings *settings)
{
	struct problem problem;
	if (settings_is_secluded(settings, &problem))
		log_warning("%s", problem.text);
}

/* The description of the secrets is "" for a network that anybody may join. */
static void log_start(const struct node *node, const char *secrets)
{
	char nodeid[NODEID_TEXT_BYTES];
	nodeid_format(&node->nodeid, nodeid);
	log_info("kithd " KITH_VERSION " node %s name %s network %s", nodeid, node->settings->texts->name,
		 node->settings->network);
	acceptor_log(node->acceptor);
	if (secrets[0] != '\0')
		log_info("the network is private: %s", secrets);
	warn_of_openness(node);
	warn_of_seclusion(node->settings);
}

/* Takes the secrets, if there are any. False with a problem. */
static bool take_secrets(struct node *node, struct secrets *secrets, struct problem *problem)
{
	if (secrets == NULL)
		return true;
	node->context = tls_context_new(secrets, problem);
	if (node->context != NULL)
		return true;
	secrets_free(secrets);
	return problem_prefix(problem, "cannot start: ");
}

/* Without random numbers others could foresee what is to be a secret, and the book's is kept for the next runs too. */
static bool draw(struct node *node, struct problem *problem)
{
	return (keyed_table_draw_key() && rng_draw(&node->draws, sizeof node->draws)) ||
	       problem_set(problem, "cannot start: the kernel gives no random numbers (getrandom: %s)",
			   strerror(errno));
}

/* Port 0 is the same one after a restart. */
static bool open_acceptor(struct node *node, struct problem *problem)
{
	uint16_t before[SETTINGS_LIST_ENTRIES] = {0}, ports[SETTINGS_LIST_ENTRIES];
	size_t count = node->settings->listen_count;
	if (node->state != NULL)
		state_load_ports(node->state, before, count);
	memcpy(ports, before, sizeof ports);
	node->acceptor = acceptor_open(node->settings, ports, problem);
	if (node->acceptor != NULL && node->state != NULL && memcmp(ports, before, sizeof ports) != 0)
		state_save_ports(node->state, ports, count);
	return node->acceptor != NULL;
}

static void note(struct node *node, enum event_kind kind, const char *name, const char *value, const char *reason)
{
	struct event event = {.kind = kind, .name = name, .value = value, .reason = reason, .lasted_us = -1};
	journal_note(node->journal, &event);
}

struct node *node_start(struct settings *settings, struct secrets *secrets, struct problem *problem)
{
	struct node *node = calloc(1, sizeof *node);
	int error = ENOMEM;
	char described[SECRETS_DESCRIPTION_BYTES] = "";
	if (secrets != NULL)
		secrets_describe(secrets, described);
	if (node == NULL) {
		secrets_free(secrets);
		goto failed;
	}
	node->settings = settings;
	bool has_draws = draw(node, problem);
	memory_share_pools();
	threads_expect((size_t)(settings->max_inbound + settings->max_outbound));
	bool has_secrets = take_secrets(node, secrets, problem);
	node->started_us = clock_now_us();
	alarm_init(&node->alarm);
	node->has_resolver = resolver_library_init() == 0;
	if (!has_draws || !has_secrets || !open_state(node, problem) || !open_acceptor(node, problem)) {
		node_stop(node);
		return NULL;
	}
	log_start(node, described);
	if (!node->has_resolver || !build_from_state(node))
		goto failed;
	/* Before a thread can note anything. */
	note(node, EVENT_STARTED, settings->texts->name, KITH_VERSION, NULL);
	error = start_threads(node);
	if (error == 0)
		return node;
failed:
	problem_set(problem, "cannot start%s: %s", error == ENOMEM ? "" : " a thread", strerror(error));
	node_stop(node);
	return NULL;
}

/* A value in the log: two fit into a line. */
enum { SHOWN_BYTES = 400 };

static void log_change(struct node *node, const struct settings *fresh, enum setting_id setting,
		       enum settings_change change, enum node_reload_cause cause)
{
	const struct settings *running = node->settings;
	char now[SHOWN_BYTES], other[SHOWN_BYTES];
	settings_format(running, setting, now, sizeof now);
	settings_format(fresh, setting, other, sizeof other);
	if (change == SETTINGS_APPLIED)
		log_info("%s: %s is now %s", setting_name(setting), other, now);
	else if (setting == SETTING_SECRET_FILE)
		/* That may be a secret itself, in the place of its file. */
		log_warning("%s: %s stays until a restart; the file says otherwise", setting_name(setting), now);
	else
		log_warning("%s: %s stays until a restart; the file says %s", setting_name(setting), now, other);
	if (change == SETTINGS_APPLIED)
		note(node, EVENT_SETTING, setting_name(setting), now,
		     cause == NODE_RELOAD_SET ? "a client of the control socket has set it"
					      : "the settings were read again");
}

static void set_all_pings(struct node *node)
{
	struct registry_visit all = {.registry = node->registry};
	struct peer *peer;
	while ((peer = registry_visit_next(&all)) != NULL)
		peer_set_pings(peer, node->settings, clock_now_us());
}

/* Peers that the lists now deny are cut. */
static void take_over_lists(struct node *node)
{
	struct registry_visit all = {.registry = node->registry};
	struct peer *peer;
	node->lacks_lists = !access_set_lists(node->access, node->settings);
	if (node->lacks_lists) {
		log_error("allow and deny stay as they were: %s; the next SIGHUP tries again", strerror(ENOMEM));
		return;
	}
	while ((peer = registry_visit_next(&all)) != NULL) {
		const struct address *far_end = &peer_dial(peer)->address;
		if (address_is_known(far_end) && !access_allows(node->access, far_end))
			peer_cut(peer, "allow and deny exclude it");
	}
}

static void take_over_bootstraps(struct node *node)
{
	warn_of_seclusion(node->settings);
	node->lacks_bootstraps = !address_book_set_bootstraps(node->book, node->settings, clock_now_us());
	if (node->lacks_bootstraps)
		log_error("bootstrap: not all can be dialled: %s; the next SIGHUP tries again", strerror(ENOMEM));
}

/* Hands on the settings that are not read at each use. */
static void pass_on(struct node *node, const bool changed[static SETTING_COUNT])
{
	const struct settings *settings = node->settings;
	if (changed[SETTING_NAME] || changed[SETTING_ADVERTISE])
		protocol_introduce_as(node->protocol, settings->texts->name, &settings->texts->advertise);
	if (changed[SETTING_TAGS] || changed[SETTING_MAX_NODES])
		protocol_report_anew(node->protocol);
	if (changed[SETTING_BOOTSTRAP] || node->lacks_bootstraps)
		take_over_bootstraps(node);
	if (changed[SETTING_ALLOW] || changed[SETTING_DENY] || node->lacks_lists)
		take_over_lists(node);
	if (changed[SETTING_MAX_PARKED])
		pool_set_max_parked(node->pool, (size_t)settings->max_parked);
	if (changed[SETTING_PROBE_INTERVAL] || changed[SETTING_PING_INTERVAL] || changed[SETTING_PING_TIMEOUT])
		set_all_pings(node);
	if (changed[SETTING_JOURNAL_EVENTS])
		journal_keep(node->journal, (size_t)settings->journal_events);
	if (changed[SETTING_SAVE_INTERVAL] && node->saves)
		alarm_ring(&node->saver.alarm);
	alarm_ring(&node->alarm);
}

void node_reload(struct node *node, struct settings *fresh, enum node_reload_cause cause,
		 enum settings_change changes[static SETTING_COUNT])
{
	bool changed[SETTING_COUNT], differs = node->lacks_bootstraps || node->lacks_lists;
	settings_take_over(node->settings, fresh, changes);
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		changed[i] = changes[i] == SETTINGS_APPLIED;
		differs = differs || changes[i] != SETTINGS_SAME;
		if (changes[i] != SETTINGS_SAME)
			log_change(node, fresh, (enum setting_id)i, changes[i], cause);
	}
	if (differs)
		pass_on(node, changed);
	else if (cause == NODE_RELOAD_FILE)
		log_info("the settings are read again: nothing has changed");
	if (cause == NODE_RELOAD_FILE)
		note(node, EVENT_RELOADED, NULL, NULL, differs ? "the settings have changed" : "nothing has changed");
}

void node_redial(struct node *node)
{
	address_book_hurry(node->book, clock_now_us());
	alarm_ring(&node->alarm);
}

void node_reload_secrets(struct node *node, struct secrets *secrets)
{
	/* It is how an operator sees that a node has the file of this step of a rotation. */
	char described[SECRETS_DESCRIPTION_BYTES];
	secrets_describe(secrets, described);
	bool differs = tls_context_set_secrets(node->context, secrets);
	log_info("the secrets are read again%s: %s", differs ? " and have changed" : " and are the same", described);
}

void node_ask_progress(struct node *node)
{
	acceptor_ask_progress(node->acceptor);
	connector_ask_progress(&node->connector);
}

const char *node_who_hangs(const struct node *node)
{
	if (!acceptor_shows_progress(node->acceptor))
		return "acceptor";
	return connector_shows_progress(&node->connector) ? NULL : "connector";
}

static void close_all_peers(struct node *node)
{
	struct registry_visit all = {.registry = node->registry};
	struct peer *peer;
	while ((peer = registry_visit_next(&all)) != NULL) {
		if (peer_state(peer) == PEER_READY)
			peer_close(peer, BYE_SHUTDOWN);
		else
			peer_cut(peer, "this node is stopping");
	}
}

void node_stop(struct node *node)
{
	if (node == NULL)
		return;
	if (node->connects)
		connector_stop(&node->connector);
	if (node->accepts)
		acceptor_stop(node->acceptor);
	/* Before the peers are closed, so that the file says who was connected; they don't wait for the disk. */
	if (node->saves)
		saver_finish(&node->saver);
	if (node->registry != NULL) {
		close_all_peers(node);
		registry_wait_empty(node->registry);
	}
	if (node->saves)
		saver_stop(&node->saver);
	pool_free(node->pool);
	protocol_free(node->protocol);
	reports_free(node->reports);
	problems_free(node->problems);
	acceptor_close(node->acceptor);
	address_book_free(node->book);
	access_free(node->access);
	bans_free(node->bans);
	journal_free(node->journal);
	lines_free(node->lines);
	pace_free(node->pace);
	sources_free(node->sources);
	registry_free(node->registry);
	/* The protocol held the peers that were still to be announced; their TLS sessions are gone only now. */
	tls_context_free(node->context);
	state_close(node->state);
	if (node->has_resolver)
		resolver_library_fini();
	alarm_fini(&node->alarm);
	free(node);
}

struct node_view node_view(const struct node *node)
{
	return (struct node_view){.parts = &node->parts.common,
				  .alarm = node->connector.alarm,
				  .nodeid = node->nodeid,
				  .started_us = node->started_us,
				  .context = node->context};
}
