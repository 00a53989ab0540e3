#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "link/peer_priv.h"

/* How it ends. */
struct ending {
	enum peer_ending ending;
	enum bye_reason reason;
	int error;
	const char *text;
	bool stays;
};

/* False if it has an ending already. */
static bool set_ending(struct peer *peer, const struct ending *ending)
{
	char *copy = strndup(ending->text, PEER_ENDING_BYTES - 1);
	peer_enter(peer);
	bool is_first = peer->ending == PEER_GOES_ON, stayed = peer->stays;
	bool was_paced = is_first && peer->pace != NULL && peer->state == PEER_READY;
	int64_t taken_us = peer->paced > PEER_DRAWN_WAITS ? peer->turn_us : 0;
	if (is_first) {
		peer->ending = ending->ending;
		peer->reason = ending->reason;
		peer->error = ending->error;
		peer->ending_text = copy;
		peer->stays = ending->stays;
		atomic_store(&peer->is_closing, true);
	}
	peer_leave(peer);
	if (was_paced)
		pace_leave(peer->pace, taken_us);
	if (!is_first)
		free(copy);
	if (stayed)
		stream_shut(peer->stream);
	return is_first;
}

void peer_close_because(struct peer *peer, enum bye_reason reason, const char *text)
{
	struct message bye = {.type = MESSAGE_BYE, .bye.reason = reason};
	struct buffer line = {0};

	bool has_failed = reason == BYE_TIMEOUT || reason == BYE_SLOW;
	struct ending ending = {.ending = has_failed ? PEER_FAILED : PEER_CLOSED, .reason = reason, .text = text};
	if (!set_ending(peer, &ending))
		return;
	if (message_encode(&bye, &line) &&
	    outbox_close(peer->outbox, buffer_content(&line), buffer_length(&line)) == OUTBOX_TAKEN)
		peer_count_sent(peer, MESSAGE_BYE, buffer_length(&line));
	else
		outbox_close(peer->outbox, "", 0);
	buffer_fini(&line);
	/* Otherwise the kernel would keep what a peer does not read for minutes after the connection's end. */
	if (reason == BYE_SLOW && peer->stream != NULL)
		stream_abort(peer->stream);
}

void peer_close(struct peer *peer, enum bye_reason reason)
{
	peer_close_because(peer, reason, "");
}

/* An ending without a bye: nothing more is sent. */
static bool end_silently(struct peer *peer, const struct ending *ending)
{
	bool is_first = set_ending(peer, ending);
	if (is_first)
		outbox_close(peer->outbox, "", 0);
	return is_first;
}

static void cut(struct peer *peer, enum peer_ending ending, const char *text)
{
	/* A reader that gives up before READY does not wait for a pinger: none may start. */
	if (peer_state(peer) != PEER_READY)
		outbox_retire_pinger(peer->outbox);
	end_silently(peer, &(struct ending){.ending = ending, .text = text});
	if (peer->stream != NULL)
		stream_shut(peer->stream);
}

void peer_cut(struct peer *peer, const char *text)
{
	cut(peer, PEER_CLOSED, text);
}

void peer_cut_here(struct peer *peer, const char *text)
{
	cut(peer, PEER_HINDERED, text);
}

void peer_note_bye(struct peer *peer, enum bye_reason reason, const char *text)
{
	end_silently(peer, &(struct ending){.ending = PEER_LEFT, .reason = reason, .text = text});
}

void peer_fail(struct peer *peer, int error, const char *text)
{
	end_silently(peer, &(struct ending){.ending = PEER_FAILED, .error = error, .text = text});
}

bool peer_fail_and_stay(struct peer *peer, const char *text)
{
	return end_silently(peer, &(struct ending){.ending = PEER_FAILED, .text = text, .stays = true});
}

bool peer_stays(struct peer *peer)
{
	peer_enter(peer);
	bool stays = peer->stays;
	peer_leave(peer);
	return stays;
}

void peer_hinder(struct peer *peer, int error, const char *text)
{
	end_silently(peer, &(struct ending){.ending = PEER_HINDERED, .error = error, .text = text});
}

void peer_refuse(struct peer *peer, int error, const char *text)
{
	end_silently(peer, &(struct ending){.ending = PEER_REFUSED, .error = error, .text = text});
}

void peer_fail_errno(struct peer *peer, int error)
{
	char text[TEXT_ERROR_BYTES];
	text_error(error, text);
	peer_fail(peer, error, text);
}

void peer_hinder_errno(struct peer *peer, int error)
{
	char text[TEXT_ERROR_BYTES];
	text_error(error, text);
	peer_hinder(peer, error, text);
}
