#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "link/allowance.h"
#include "talk/protocol_priv.h"

/* What log lines say of an ending: after the peer's label the verb, and after it, if both are there, ": " and the text.
 */
static void say(struct ending_words *words, const char *verb, const char *text)
{
	words->verb = verb;
	snprintf(words->text, sizeof words->text, "%s", text);
}

/* This node has ended the connection of a READY peer with a bye. */
static void say_dropped(struct ending_words *words, const struct settings *settings, const struct peer_info *info)
{
	char duration[TEXT_DURATION_BYTES];
	switch (info->reason) {
	case BYE_TIMEOUT:
		text_duration(settings->ping_timeout_us, duration);
		words->verb = "failed";
		snprintf(words->text, sizeof words->text, "no answer to a ping for %s", duration);
		break;
	case BYE_SLOW:
		say(words, "failed", "it does not read what this node sends");
		break;
	case BYE_SHUTDOWN:
		say(words, "is disconnected", "this node is shutting down");
		break;
	case BYE_FULL:
		say(words, "is disconnected", "it made room for another peer");
		break;
	case BYE_DUPLICATE:
		say(words, "is disconnected", "its connection was a duplicate");
		break;
	case BYE_PROTOCOL:
		say(words, "is disconnected", "it broke the protocol");
		break;
	default:
		say(words, "is disconnected", info->ending_text);
	}
}

/* A READY peer has ended the connection with a bye. */
static void say_was_dropped(struct ending_words *words, const struct peer_info *info)
{
	switch (info->reason) {
	case BYE_SHUTDOWN:
		say(words, "left", "it is shutting down");
		break;
	case BYE_TIMEOUT:
		say(words, "dropped this node", "it got no answer from us in time");
		words->hint = ". Was this machine hanging?";
		break;
	case BYE_SLOW:
		say(words, "dropped this node", "we did not read what it sent");
		words->hint = ". Is this machine overloaded?";
		break;
	case BYE_FULL:
		say(words, "dropped this node", "it made room for another peer");
		break;
	case BYE_DUPLICATE:
		say(words, "left", "its connection was a duplicate");
		break;
	case BYE_PROTOCOL:
		say(words, "dropped this node", "it says that we broke the protocol");
		break;
	case BYE_OPERATOR:
		say(words, "dropped this node", "its operator closed the connection");
		break;
	default:
		words->verb = "left";
		snprintf(words->text, sizeof words->text, "it said \"%s\"", info->ending_text);
	}
}

/* A dial has not led to this node by itself: that would be known. */
static void say_self(struct ending_words *words)
{
	say(words, "", "is another node with the same nodeid as this one, or leads back to this one");
	words->is_odd = true;
}

/* This node has ended a handshake with a bye. */
static void say_refused(struct ending_words *words, const struct settings *settings, const struct peer_info *info)
{
	char duration[TEXT_DURATION_BYTES];
	switch (info->reason) {
	case BYE_TIMEOUT:
		text_duration(settings->handshake_timeout_us, duration);
		words->verb = "failed";
		snprintf(words->text, sizeof words->text, "no hello within %s", duration);
		break;
	case BYE_SELF:
		say_self(words);
		break;
	case BYE_DUPLICATE:
		say(words, "", "is connected with this node already");
		break;
	case BYE_FULL:
		say(words, "is refused", "this node is full");
		break;
	case BYE_SHUTDOWN:
		say(words, "is disconnected", "this node is shutting down");
		break;
	case BYE_NETWORK:
	case BYE_PROTOCOL:
		say(words, "", info->ending_text);
		break;
	default:
		say(words, "is disconnected", info->ending_text);
	}
}

/* The far end is full. */
static void say_was_full(struct ending_words *words, const char *limit, size_t named)
{
	char why[64] = "", others[48] = "";
	if (strcmp(limit, bye_limit_name(BYE_MAX_PER_GROUP)) == 0)
		snprintf(why, sizeof why, " for this network (%s there)", limit);
	else if (strcmp(limit, bye_limit_name(BYE_MAX_PER_ADDRESS)) == 0)
		snprintf(why, sizeof why, " for this address (%s there)", limit);
	else if (strcmp(limit, bye_limit_name(BYE_MAX_CONNECTIONS)) == 0)
		snprintf(why, sizeof why, " (%s there)", limit);
	if (named > 0)
		snprintf(others, sizeof others, " and named %zu other node%s", named, named == 1 ? "" : "s");
	snprintf(words->text, sizeof words->text, "is full%s%s", why, others);
}

/* The far end has ended a handshake with a bye. */
static void say_was_refused(struct ending_words *words, const struct settings *settings, const struct peer_info *info,
			    size_t named)
{
	words->verb = "";
	switch (info->reason) {
	case BYE_NETWORK:
		snprintf(words->text, sizeof words->text, "is in another network than \"%s\" and refused us",
			 settings->network);
		break;
	case BYE_FULL:
		say_was_full(words, info->ending_text, named);
		break;
	case BYE_DUPLICATE:
		say(words, "", "is connected with this node already");
		break;
	case BYE_SELF:
		say_self(words);
		break;
	case BYE_SHUTDOWN:
		say(words, "", "is shutting down");
		break;
	case BYE_TIMEOUT:
		say(words, "refused us", "it got no hello from us in time");
		break;
	case BYE_PROTOCOL:
		say(words, "refused us", "it says that we broke the protocol");
		break;
	default:
		words->verb = "refused us";
		snprintf(words->text, sizeof words->text, "it said \"%s\"", info->ending_text);
	}
}

/* It has ended without a bye. */
static void say_broken(struct ending_words *words, const struct peer_info *info)
{
	bool is_dial = info->state == PEER_DIAL;
	if (info->ending == PEER_REFUSED)
		say(words, "", info->ending_text);
	else if (info->ending == PEER_HINDERED && info->state == PEER_READY)
		say(words, "failed", info->ending_text);
	else if (info->ending == PEER_HINDERED)
		say(words, "cannot be dialled from this machine", info->ending_text);
	else if (info->ending == PEER_FAILED)
		say(words, is_dial ? "cannot be reached" : "failed", info->ending_text);
	else
		say(words, is_dial ? "is not dialled" : "is disconnected", info->ending_text);
}

void ending_words(const struct protocol *protocol, struct peer *peer, const struct peer_info *info,
		  struct ending_words *words)
{
	const struct settings *settings = protocol->parts.common.settings;
	bool is_ready = info->state == PEER_READY, is_theirs = info->ending == PEER_LEFT;
	*words = (struct ending_words){.hint = ""};
	if (!is_theirs && info->reason == BYE_UNKNOWN)
		say_broken(words, info);
	else if (!is_theirs && info->ending_text[0] != '\0' && is_ready && info->reason == BYE_TIMEOUT)
		say(words, "failed", info->ending_text);
	else if (is_ready && is_theirs)
		say_was_dropped(words, info);
	else if (is_ready)
		say_dropped(words, settings, info);
	else if (is_theirs)
		say_was_refused(words, settings, info, peer_allowance(peer)->named);
	else
		say_refused(words, settings, info);
}

void ending_log(struct protocol *protocol, struct peer *peer, enum log_level level, const struct ending_words *words,
		const char *since, int64_t now_us)
{
	lines_log_peer(protocol->parts.common.lines, peer, level, now_us, "%s%s%s%s%s", words->verb,
		       words->verb[0] == '\0' ? "" : ": ", words->text, since, words->hint);
}
