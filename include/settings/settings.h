/*
 * The settings of a node: their table (names, types, ranges, defaults), read from a file in libconfig's syntax and from
 * the command line. Nothing here opens anything but the file. kith.conf(5) explains each setting.
 *
 * One thread reads settings and, in a running node, takes over new ones (settings_take_over). Meanwhile other threads
 * may read: numbers, which are atomic; texts and lists that need a restart, which never change; and the others from a
 * snapshot, `struct settings_texts`, which they hold and release. No setting is read under a lock.
 */
#ifndef KITH_SETTINGS_H
#define KITH_SETTINGS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/problem.h"
#include "wire/address.h"
#include "wire/message.h"
#include "wire/nodeid.h"

enum {
	SETTINGS_HOST_BYTES = 256, /* a DNS name has at most 253 characters (RFC 1035, 2.3.4) */
	SETTINGS_PATH_BYTES = 256,
	SETTINGS_LIST_ENTRIES = 256,
	SETTINGS_TAGS = 16,
	SETTINGS_FILE_BYTES = 1024 * 1024,
	SETTINGS_BAN_AFTER = 64,	/* protocol errors that a ban can need at most */
	SETTINGS_OUTBOX_LEAST = 131072, /* a line */
	/* The longest value: a list of names, each in quotes, with a port, a comma and a space. */
	SETTINGS_VALUE_BYTES = SETTINGS_LIST_ENTRIES * (SETTINGS_HOST_BYTES + 16),
};

struct bootstrap {
	char host[SETTINGS_HOST_BYTES]; /* a name, or the text of a number */
	uint16_t port;
	struct address address; /* unknown for a name */
};

enum nodeid_mode {
	NODEID_AUTO,	/* as NODEID_KEEP with a state_dir, as NODEID_SESSION without */
	NODEID_SESSION, /* a new one each time that the node starts */
	NODEID_KEEP,	/* the same one after a restart, from state_dir */
	NODEID_GIVEN,
};

enum setting_id {
	SETTING_LISTEN,
	SETTING_LISTEN_RETRY,
	SETTING_ADVERTISE,
	SETTING_BOOTSTRAP,
	SETTING_NETWORK,
	SETTING_SECRET_FILE,
	SETTING_NAME,
	SETTING_TAGS,
	SETTING_NODEID,
	SETTING_STATE_DIR,
	SETTING_SAVE_INTERVAL,
	SETTING_USER,
	SETTING_MAX_OUTBOUND,
	SETTING_MAX_INBOUND,
	SETTING_MAX_DIALING,
	SETTING_MAX_PARKED,
	SETTING_MAX_ADDRESSES,
	SETTING_MAX_CONNECTIONS,
	SETTING_MAX_HANDSHAKES,
	SETTING_MAX_PER_ADDRESS,
	SETTING_MAX_PER_GROUP,
	SETTING_MAX_MESSAGE_RATE,
	SETTING_MAX_BYTE_RATE,
	SETTING_MAX_OUTBOX,
	SETTING_BAN_AFTER,
	SETTING_BAN_TIME,
	SETTING_ALLOW,
	SETTING_DENY,
	SETTING_PROBE_INTERVAL,
	SETTING_SILENT_AFTER,
	SETTING_PING_INTERVAL,
	SETTING_PING_TIMEOUT,
	SETTING_MAX_NODES,
	SETTING_REPORT_RATE,
	SETTING_FORGET_AFTER,
	SETTING_CONNECT_TIMEOUT,
	SETTING_HANDSHAKE_TIMEOUT,
	SETTING_SHARE_WITHIN,
	SETTING_RETRY_MIN,
	SETTING_RETRY_MAX,
	SETTING_FEELER_INTERVAL,
	SETTING_LOG_LEVEL,
	SETTING_LOG_FORMAT,
	SETTING_CONTROL,
	SETTING_CONTROL_GROUP,
	SETTING_MAX_CONTROLS,
	SETTING_JOURNAL_EVENTS,
	SETTING_COUNT,
};

struct address_blocks {
	struct address_block *blocks;
	size_t count;
};

/* The texts and lists that a reload replaces, all at once. Immutable as soon as another thread can hold them. */
struct settings_texts {
	atomic_size_t references;
	struct address advertise; /* may be unknown */
	struct bootstrap *bootstrap;
	size_t bootstrap_count;
	char name[MESSAGE_TEXT_BYTES];
	char tags[SETTINGS_TAGS][MESSAGE_TEXT_BYTES];
	size_t tag_count;
	struct address_blocks allow; /* empty: everybody */
	struct address_blocks deny;
	char *where[SETTING_COUNT]; /* "FILE:LINE" or "-o NAME" of what was set; NULL for a default */
};

struct settings {
	struct settings_texts *texts; /* read directly by the thread that reads settings alone */
	struct address *listen;
	size_t listen_count;
	bool listen_retry; /* may an address to listen on be missing at the start? */
	char network[MESSAGE_TEXT_BYTES];
	char secret_file[SETTINGS_PATH_BYTES]; /* "" for none: whoever reaches the port is a member */
	enum nodeid_mode nodeid_mode;
	struct nodeid nodeid;		     /* none unless it is given */
	char state_dir[SETTINGS_PATH_BYTES]; /* "" for none: nothing is written */
	_Atomic int64_t save_interval_us;
	char user[MESSAGE_TEXT_BYTES]; /* "" for the one who started it */
	_Atomic int64_t max_outbound;
	_Atomic int64_t max_inbound;
	_Atomic int64_t max_dialing;
	_Atomic int64_t max_parked;
	_Atomic int64_t max_addresses;
	/* Of these, up to ban_time, 0 means that there is no limit. */
	_Atomic int64_t max_connections;
	_Atomic int64_t max_handshakes;
	_Atomic int64_t max_per_address;
	_Atomic int64_t max_per_group;
	_Atomic int64_t max_message_rate; /* a second */
	_Atomic int64_t max_byte_rate;	  /* a second */
	_Atomic int64_t max_outbox;	  /* bytes */
	_Atomic int64_t ban_after;
	_Atomic int64_t ban_time_us;
	_Atomic int64_t probe_interval_us;
	_Atomic int64_t silent_after_us;
	_Atomic int64_t ping_interval_us;
	_Atomic int64_t ping_timeout_us;
	_Atomic int64_t max_nodes;   /* 0: no reports */
	_Atomic int64_t report_rate; /* bytes a second */
	_Atomic int64_t forget_after_us;
	_Atomic int64_t connect_timeout_us;
	_Atomic int64_t handshake_timeout_us;
	_Atomic int64_t share_within_us;
	_Atomic int64_t retry_min_us;
	_Atomic int64_t retry_max_us;
	_Atomic int64_t feeler_interval_us;
	_Atomic int log_level;			/* an enum log_level */
	_Atomic int log_format;			/* an enum log_format */
	char control[SETTINGS_PATH_BYTES];	/* of the socket, "auto", or "" for none */
	char control_group[MESSAGE_TEXT_BYTES]; /* "" for none: the owner alone may connect to it */
	_Atomic int64_t max_controls;
	_Atomic int64_t journal_events;
	size_t count_in_file; /* how many settings the file has set */
	bool is_file_blank;   /* not even a comment is in it */
};

/* Everything at its default. False if there is no memory: then the settings are good for settings_fini alone. */
bool settings_init(struct settings *settings);
void settings_fini(struct settings *settings);

/* Of the libconfig that kithd was built with: at run time it does not tell. */
const char *settings_library_version(void);

/* Each of these returns false with a problem, which says where. The settings are then good for settings_fini alone. */
/*
 * At a start, path may be a pipe: interrupted() is asked while it has nothing to read, for 30 s at most. NULL for a
 * running node: never waits, and takes only a regular file.
 */
bool settings_read_file(struct settings *settings, const char *path, bool (*interrupted)(void),
			struct problem *problem);
/* "SETTING=VALUE", the value without quotes, a list separated by commas. */
bool settings_set_option(struct settings *settings, const char *option, struct problem *problem);
/* The same for a running node: says which setting it was. */
bool settings_set_live(struct settings *settings, const char *option, enum setting_id *setting,
		       struct problem *problem);
/* Replaces the list of addresses to listen on; where is how the user gave it ("-l"). */
bool settings_set_listen(struct settings *settings, const char *const *addresses, size_t count, const char *where,
			 struct problem *problem);
bool settings_add_bootstrap(struct settings *settings, const char *address, const char *where, struct problem *problem);
/* A path, as the file would have it; of several that are separated by colons the first. */
bool settings_set_state_dir(struct settings *settings, const char *path, const char *where, struct problem *problem);
/*
 * Once all is read: the default of listen where there is a secret_file. Those who have the secret may come from
 * anywhere, so the node listens on all addresses.
 */
bool settings_choose_listen(struct settings *settings, struct problem *problem);
/*
 * Would nodes that this one is told to dial be on other machines, which can't dial it, since it listens on loopback
 * addresses only? True with the problem. Any thread.
 */
bool settings_is_secluded(const struct settings *settings, struct problem *problem);
/* What no setting can tell alone. */
bool settings_check(const struct settings *settings, struct problem *problem);
/* The nodeid is the same one after a restart, from state_dir. */
bool settings_keep_nodeid(const struct settings *settings);

/*
 * The texts and lists as they are now, for any thread while no other one reads into these settings; they stay good
 * until they are released, whatever is taken over meanwhile.
 */
const struct settings_texts *settings_hold_texts(const struct settings *settings);
void settings_release_texts(const struct settings_texts *texts);

/* The value as the file would write it; "..." ends one that is cut to fit. For the thread that reads settings. */
void settings_format(const struct settings *settings, enum setting_id setting, char *out, size_t out_bytes);

enum settings_change {
	SETTINGS_SAME,
	SETTINGS_APPLIED,
	SETTINGS_NEED_RESTART,
};

/*
 * Takes over all settings that differ and that a running node can take over, and says of each what came of it: what
 * was applied, fresh has from before.
 */
void settings_take_over(struct settings *running, struct settings *fresh,
			enum settings_change changes[static SETTING_COUNT]);

/* A copy, by the thread that reads settings. False if there is no memory: then it is zeroed. */
bool settings_copy(struct settings *copy, const struct settings *settings);

/*
 * What came of a change, for the one who asked for it: the settings now, and the others, which have what was before of
 * each that was applied, and what was wanted of each that needs a restart. Zeroed, it is empty.
 */
struct settings_report {
	struct settings now, other;
	enum settings_change changes[SETTING_COUNT];
};

void settings_report_fini(struct settings_report *report);

/* The table, for the documents that must agree with it: the name, and the default as the file would write it. */
const char *setting_name(enum setting_id setting);
const char *setting_default(enum setting_id setting);
bool setting_needs_restart(enum setting_id setting);

#endif
