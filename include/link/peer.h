/*
 * A peer: one connection, as the rest of the program sees it. Its worker owns the connection; everybody else holds a
 * counted reference, and may send, close, or look. The last release frees it, and only then closes the descriptor.
 *
 * Any thread may call any function here, except those marked as the reader's: the reader is the thread that reads this
 * connection.
 */
#ifndef KITH_PEER_H
#define KITH_PEER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/keyed_hash.h"
#include "base/log.h"
#include "link/dial.h"
#include "link/outbox.h"
#include "link/stream.h"
#include "settings/settings.h"
#include "wire/address.h"
#include "wire/message.h"
#include "wire/nodeid.h"

enum {
	PEER_ENDING_BYTES = 192, /* of the text that says why it ended, and its NUL; longer ones are cut */
};

/* A closing peer has this long to take the last lines. */
#define PEER_CLOSE_US ((int64_t)1000 * 1000)
/* peer_hurry_ping sends at most one ping in this time. */
#define PEER_HURRY_US ((int64_t)1000 * 1000)
/* peer_ask_ping the same in this time, whoever asks: ten a second, where the default of max_message_rate is 200. */
#define PEER_ASK_US ((int64_t)100 * 1000)

enum peer_direction {
	PEER_INBOUND,
	PEER_OUTBOUND,
};

enum peer_state {
	PEER_DIAL,  /* being connected */
	PEER_HELLO, /* shaking hands */
	PEER_READY,
};

enum peer_ending {
	PEER_GOES_ON,
	PEER_LEFT,     /* the far end said bye for a reason that is no failure */
	PEER_FAILED,   /* broken, silent, slow, or unreachable; the text says why */
	PEER_HINDERED, /* by this machine, as a dial without a route; the text says why */
	PEER_REFUSED,  /* no node of this network: the text says what it is or does, as in "speaks TLS" */
	PEER_CLOSED,   /* we said bye for another reason */
};

/* What there is to see of a peer at one moment. The texts are valid while the peer is held. */
struct peer_info {
	enum peer_direction direction;
	enum peer_state state;
	bool is_closing;
	bool is_feeler;
	bool loses_large; /* what it was sent last did not arrive, though little things do */
	struct nodeid nodeid;
	const char *name, *agent; /* of its hello; "" for none */
	char host[64];		  /* the name that is being looked up, cut; "" for none */
	struct address remote;	  /* the far end */
	struct address local;	  /* this end; unknown before the connection is up */
	struct address listen;	  /* where a dial or feeler of ours has found it; unknown for nowhere */
	struct address claim;	  /* where it says that it listens, at the host that it talks from; or unknown */
	int64_t since_us;	  /* READY since; before that, in existence since */
	int64_t heard_us;	  /* when the last bytes came; 0 for never */
	int64_t rtt_us;		  /* the last one, or the wait for the pong where that is longer; -1 if unknown */
	int64_t answered_us;	  /* the last round trip; -1 if unknown */
	int64_t usual_rtt_us;	  /* smoothed; -1 if unknown */
	int64_t waiting_us;	  /* so long the outstanding ping has no pong; -1 without one */
	int64_t late_us;	  /* so long it has said nothing, though it owes an answer; -1 while it is not late */
	int64_t messages_in, messages_out, bytes_in, bytes_out;
	int64_t ignored, useless; /* messages without effect, addresses that were dropped */
	enum peer_ending ending;
	enum bye_reason reason; /* of the bye, from either side; BYE_UNKNOWN without one */
	int error; /* where it failed, was hindered or refused, why: an errno; 0 where the far end has closed */
	const char
		*ending_text; /* of a bye: what the far end wrote, or, from this side, "" if the reason says it all */
};

struct allowance;
struct counters;
struct pace;
struct peer;

/*
 * Takes the stream (which may be NULL: a core that is driven without sockets) and what dial points to; its outbox holds
 * max_outbox as it is now. NULL: no memory.
 */
struct peer *peer_new(enum peer_direction direction, struct stream *stream, const struct dial *dial,
		      const struct settings *settings, int64_t now_us);
/* Where its messages and round trips are counted; borrowed. Before another thread has the peer. */
void peer_set_counters(struct peer *peer, struct counters *counters);
/* What paces its pings; borrowed. Without it, it is pinged once in a ping_interval. The same. */
void peer_set_pace(struct peer *peer, struct pace *pace);
struct peer *peer_hold(struct peer *peer);
void peer_release(struct peer *peer);

/* Immutable. The stream and the outbox are the worker's business; what dial points to is borrowed. */
enum peer_direction peer_direction(const struct peer *peer);
const struct dial *peer_dial(const struct peer *peer);
struct stream *peer_stream(const struct peer *peer);
struct outbox *peer_outbox(const struct peer *peer);

struct peer_info peer_look(struct peer *peer, int64_t now_us);
enum peer_state peer_state(struct peer *peer);
bool peer_is_closing(const struct peer *peer);
/* A pong has come: the far end has accepted this connection, and nobody's claim ends it any more. */
bool peer_is_established(const struct peer *peer);

/* The reader's: the connection is up, and this is its near end. False if the peer was closed meanwhile. */
bool peer_connected(struct peer *peer, const struct address *local);
/*
 * The reader's: the handshake is done. False if the peer was closed meanwhile: then it never becomes READY. Borrows the
 * secret, with which the moments of pings are unpredictable.
 */
bool peer_ready(struct peer *peer, const struct message_hello *hello, const struct settings *settings,
		const struct hash_key *secret, int64_t now_us);
/* A dial or feeler has found it there; true if that is new. */
bool peer_set_listen(struct peer *peer, const struct address *address);
/* It says that it listens there, at the host that it talks from. */
void peer_set_claim(struct peer *peer, const struct address *address);

/*
 * Encodes a message and writes it if nothing is queued and that does not block; otherwise queues it. A peer whose
 * outbox is full is closed as slow.
 */
void peer_send(struct peer *peer, const struct message *message);
/* The same for a message that is encoded already. */
void peer_send_line(struct peer *peer, enum message_type type, const struct buffer *line);
/* Shorthand for a message without other keys. */
void peer_send_type(struct peer *peer, enum message_type type);

/*
 * News of others, which nobody asked for. At most PEER_NEWS messages of it are sent to a peer since its last pong, and
 * what one call adds: what an honest peer has yet to read of it must not delay its next pong past ping_timeout, however
 * low its max_message_rate is. Both hurry the next ping once half of that is sent. By one thread.
 */
enum { PEER_NEWS = 100 };
bool peer_takes_news(struct peer *peer, int64_t now_us);
void peer_send_news(struct peer *peer, const struct message *message, int64_t now_us);
void peer_send_news_line(struct peer *peer, enum message_type type, const struct buffer *line, int64_t now_us);

/* By the holder of the turn: writes what the outbox holds until it is empty or deadline_us (0: without blocking). 0 or
 * an errno. */
int peer_write(struct peer *peer, int64_t deadline_us);

/* How many bytes have been written so far. */
int64_t peer_written_bytes(const struct peer *peer);

/*
 * The ends of a connection: there is one verb for each way in which it can end. The first ending of a peer counts, and
 * later ones change nothing but that peer_cut still shuts the connection. Texts are cut to PEER_ENDING_BYTES.
 */

/*
 * This node ends it and says why: a bye is the last line. By its reader, or by any thread once registry_claim has given
 * it its nodeid: before that nobody but the reader could write the bye.
 */
void peer_close(struct peer *peer, enum bye_reason reason);
/* The same with words for the log and the address book, which the reason alone doesn't say. */
void peer_close_because(struct peer *peer, enum bye_reason reason, const char *text);
/* This node ends it at once, without a bye, in any state: its threads wake from whatever they wait for. Any thread. */
void peer_cut(struct peer *peer, const char *text);
/* The same for a connection that this machine has lost its end of: the far end has not failed. */
void peer_cut_here(struct peer *peer, const char *text);
/* The far end has ended it and said why. The reader's. */
void peer_note_bye(struct peer *peer, enum bye_reason reason, const char *text);
/* It is broken, so a bye would not arrive; the error is 0 if the far end has closed it. By a thread that connects,
 * reads or writes. */
void peer_fail(struct peer *peer, int error, const char *text);
/* This machine could not dial it, or look its name up: that says nothing about the far end. The reader's. */
void peer_hinder(struct peer *peer, int error, const char *text);
/* It is no node of this network; the text says what it is or does; the error is EACCES if it does not have the secret,
 * else EPROTO. The reader's. */
void peer_refuse(struct peer *peer, int error, const char *text);
/* The same with what an errno means as the text. */
void peer_fail_errno(struct peer *peer, int error);
void peer_hinder_errno(struct peer *peer, int error);

/*
 * The reader's, about a connection that has failed: from then on each verb that ends a connection shuts it, so that a
 * reader that only keeps its place wakes. False if another ending came first.
 */
bool peer_fail_and_stay(struct peer *peer, const char *text);
bool peer_stays(struct peer *peer);

/* True once: the caller logs the ending. */
bool peer_take_ending(struct peer *peer);
/* The journal has noted that it is up, so it notes its ending. */
void peer_set_noted(struct peer *peer);
bool peer_is_noted(const struct peer *peer);

/* By a thread that ends it: its path seems to lose large packets. */
void peer_note_losses(struct peer *peer);

/*
 * A ping is due up to this much early, and no more than PEER_PING_JITTER of the wait: a peer that could tell when it
 * comes could answer before, and seem near. A pong that comes before its ping gives the sender away. A peer that
 * answers at the last moment that it was told (next_ms) gains no more than this, and nothing if it is inbound: then
 * the round trip of the TCP handshake is the least that counts.
 */
enum { PEER_PING_JITTER = 8 };
#define PEER_PING_EARLY_US ((int64_t)100 * 1000)
/*
 * The first waits of a peer are drawn, up to half of what it will wait, then it has its turn. Nodes that start together
 * meet each other in the same order, and if they pinged in that order, a node would be pinged by all at once and then
 * by nobody. Half, since what is drawn leaves gaps, and more pings make up for that.
 */
enum { PEER_DRAWN_WAITS = 3 };
/*
 * How much later than it has said a ping of the far end may come: this, or this part of a usual round trip if that is
 * more, and up to as much again (liveness_note_ping).
 */
#define PEER_SLACK_US ((int64_t)50 * 1000)
enum { PEER_SLACK_PART = 4 };
/* What a ping says of the next is said again if the next comes later than that, or so much sooner. */
#define PEER_SAID_US ((int64_t)100 * 1000)
/* Sends the next ping if it is due; returns when to look again, as liveness_next_ping_us does. None before READY. */
int64_t peer_ping(struct peer *peer, int64_t now_us);
/* The reader's: it has pinged this node, and says that it does so again within next_us; 0: as it has said last. */
void peer_note_ping(struct peer *peer, int64_t next_us, int64_t now_us);
/* Takes over a changed probe_interval, ping_interval or ping_timeout. */
void peer_set_pings(struct peer *peer, const struct settings *settings, int64_t now_us);
/* Pings at once, unless a ping is outstanding or was hurried within PEER_HURRY_US: otherwise others who claim the
 * nodeid of this peer could make it exceed its message rate. */
void peer_hurry_ping(struct peer *peer, int64_t now_us);
/* The same, but a ping that may not be sent now is sent as soon as it may: somebody waits for its answer. */
void peer_ping_soon(struct peer *peer, int64_t now_us);
/* The same, but it need not be sent before then. */
void peer_ping_by(struct peer *peer, int64_t then_us, int64_t now_us);
/*
 * Somebody wants to measure: pings at once, unless a ping is outstanding or was asked for within PEER_ASK_US. The pong
 * is there when peer_pongs has grown: then peer_rtt_us is its round trip. Nothing else about the pings of the peer
 * changes.
 */
void peer_ask_ping(struct peer *peer, int64_t now_us);
uint64_t peer_pongs(const struct peer *peer);
/*
 * Another connection claims to be this peer: pings as peer_hurry_ping does. From peer_doubt_us on, until the pong
 * comes, its pinger looks now and then whether its host is there at all.
 */
void peer_doubt(struct peer *peer, int64_t now_us);
int64_t peer_doubt_us(struct peer *peer);
/* It has looked, and nothing is certain: when to look again. */
int64_t peer_doubt_again(struct peer *peer, int64_t now_us);
/*
 * False for a pong that nobody waits for. After one that came much sooner than usual the next ping is sent within
 * PEER_FALL_US: so it is known soon whether that is usual now. For such pings peer_take_fall is true once.
 */
#define PEER_FALL_US ((int64_t)1000 * 1000)
bool peer_pong(struct peer *peer, int64_t now_us);
bool peer_take_fall(struct peer *peer);
/*
 * The round trip of the last answered ping, but of an inbound peer no less than the kernel's own when it was accepted,
 * which nobody can shorten by guessing; -1 before the first, and once a pong came unasked. Takes no lock.
 */
int64_t peer_rtt_us(const struct peer *peer);
/*
 * Silence. A peer that owes an answer for longer than PEER_LATE_US, or PEER_LATE_RTTS of its usual round trips if that
 * is more, and has said nothing else since, is late. Others are asked about it sooner: a quarter of a second is enough
 * where round trips are short, or a tenth if another peer misses it, too: each moment that is won here is won for the
 * verdict.
 */
#define PEER_LATE_US ((int64_t)1000 * 1000)
enum { PEER_LATE_RTTS = 4 };
#define PEER_SUSPECT_US ((int64_t)250 * 1000)
#define PEER_SHARED_US ((int64_t)100 * 1000)
enum { PEER_SUSPECT_RTTS = 2 };
struct peer_silence {
	int64_t since_us;      /* it owes an answer, and was not heard since then; FOREVER_US if it owes none */
	int64_t ask_us;	       /* when others are asked about it; or FOREVER_US */
	int64_t late_after_us; /* so much silence makes it late */
	int64_t heard_us;      /* when its last bytes came; 0 for never */
};
struct peer_silence peer_silence(struct peer *peer);
/* There is news of it: its pinger looks again. */
void peer_wake_pinger(struct peer *peer);
/* This process did not run until now. */
void peer_excuse(struct peer *peer, int64_t now_us);
/*
 * Its next message is waited for: the reader then asks, and its pinger says, whether it still is. Any thread sets it
 * before it looks whether the peer is silent, so that no message passes between the two.
 */
void peer_set_missed(struct peer *peer, bool is_missed);
bool peer_is_missed(const struct peer *peer);
/* The episode of its being late: it has begun with that silence; true if it was not late before. */
bool peer_begin_late(struct peer *peer, int64_t since_us);
/* It is worth a line: true once in an episode. */
bool peer_take_late_line(struct peer *peer);
/* It is over: since when it was silent, for one caller; -1 for others and without one. */
int64_t peer_end_late(struct peer *peer);
bool peer_is_late(const struct peer *peer);
/*
 * Its pinger's: may the journal have an episode more? PEER_LATE_EVENTS of them at once, and one in PEER_LATE_EVENT_S: a
 * peer that answers only now and then must not use up what the journal has for all.
 */
enum { PEER_LATE_EVENTS = 20, PEER_LATE_EVENT_S = 60 };
bool peer_take_late_event(struct peer *peer, int64_t now_us);
/* The journal has the beginning of an episode; true for one caller: now it gets the end. */
void peer_set_late_noted(struct peer *peer);
bool peer_take_late_noted(struct peer *peer);

/* The reader's: it reads nothing until then, and the ping deadline is put off as long. */
void peer_be_deaf(struct peer *peer, int64_t now_us, int64_t until_us);
/* When the outstanding ping has failed; FOREVER_US if there is none. */
int64_t peer_ping_deadline_us(struct peer *peer);

/* Has this peer told us of an address, or have we told it? Only the last KNOWN_ADDRESSES are remembered. */
bool peer_knows_address(struct peer *peer, const struct address *address);
void peer_note_address(struct peer *peer, const struct address *address);
void peer_note_addresses(struct peer *peer, const struct message_entry *entries, size_t count);

/* The reader's. */
void peer_count_read(struct peer *peer, size_t bytes, int64_t now_us);
void peer_count_message(struct peer *peer);
void peer_count_ignored(struct peer *peer);
void peer_count_useless(struct peer *peer, size_t addresses);

/* The reader's. */
struct allowance *peer_allowance(struct peer *peer);

/* What the connection has to do with reports (talk/reporting_priv.h). Any thread. */
struct peer_reports {
	atomic_bool is_greeted;	 /* it may be told of this node: what comes first is sent */
	atomic_bool speaks;	 /* it has sent a report, or said which ones it has */
	atomic_bool has_ended;	 /* its ending is noted */
	atomic_bool may_have;	 /* it may have reports that this node wants: it has said so since it was asked last */
	atomic_bool is_left_out; /* news was not passed on to it while it was busy: it is to be compared with */
	_Atomic int64_t made_up_us; /* when it was compared with last because of that; 0 for never */
	_Atomic int64_t told_seq;   /* of this node's own report, the number that it was told last; 0 for none */
	_Atomic int64_t sums_us;    /* when it was sent sums last; 0 for never */
	_Atomic int64_t said_us;    /* when it was told last which reports are known, by sums or numbers; 0 for never */
	_Atomic int64_t warned_us;  /* when it was told last that others have a higher number of it; 0 for never */
	/* Of the last question for reports (talk/reporting_wanted.c): */
	_Atomic int64_t asked_us;    /* when; 0 for none yet */
	_Atomic int64_t answered_us; /* when one of them came last; 0 for none yet */
	_Atomic unsigned window;     /* how many it may be asked for; 0 before the first */
	_Atomic unsigned owed;	     /* which have not come */
	_Atomic unsigned silences;   /* how many questions in a row it has not answered at all */
	_Atomic int64_t felt_us;     /* when a feeler to it began last; 0 for never */
	_Atomic int64_t feel_us;     /* when one is to, out of turn; 0 for never */
};
struct peer_reports *peer_reports(struct peer *peer);

/*
 * How log lines name a peer: "beta (1a2b3c4d, 10.0.0.7:5999)"; without a name "1a2b3c4d (10.0.0.7:5999)"; before READY
 * the address alone, or the name that is dialled. The address is where the peer listens, or says that it does, else the
 * far end's.
 */
enum { PEER_LABEL_BYTES = 256 };
void peer_label(struct peer *peer, char out[static PEER_LABEL_BYTES]);
/* Logs "LABEL ..." at the level debug, where that is on. Other lines about peers pass the limiter (lines_log_peer). */
#define peer_debug(peer, ...) (log_is_on(LOG_DEBUG) ? peer_log_line(peer, LOG_DEBUG, __VA_ARGS__) : (void)0)
void peer_log_line(struct peer *peer, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
