#include "link/liveness.h"

#include "base/sync.h"

void liveness_init(struct liveness *liveness, int64_t interval_us, int64_t timeout_us, int64_t now_us)
{
	*liveness = (struct liveness){.interval_us = interval_us,
				      .timeout_us = timeout_us,
				      .ping_due_us = now_us,
				      .rtt_us = -1,
				      .usual_rtt_us = -1,
				      .theirs_us = -1,
				      .theirs_wait_us = -1,
				      .doubt_us = FOREVER_US};
}

int64_t liveness_turn_us(const struct liveness *liveness)
{
	return liveness->turn_us + liveness->interval_us;
}

void liveness_set(struct liveness *liveness, int64_t interval_us, int64_t timeout_us)
{
	/* A first ping, or a hurried one, doesn't wait for an interval. */
	bool is_regular = !liveness->is_waiting && liveness->ping_due_us == liveness_turn_us(liveness);
	liveness->interval_us = interval_us;
	liveness->timeout_us = timeout_us;
	if (is_regular)
		liveness->ping_due_us = liveness_turn_us(liveness);
}

/* When the ping of the far end that is expected next is overdue. */
static int64_t expected_us(const struct liveness *liveness)
{
	if (liveness->theirs_wait_us < 0 || liveness->missed_us > liveness->theirs_us)
		return FOREVER_US;
	return liveness->theirs_us + liveness->theirs_wait_us + liveness->slack_us;
}

static int64_t due_us(const struct liveness *liveness)
{
	return clock_earlier(liveness->ping_due_us, expected_us(liveness));
}

bool liveness_is_due(const struct liveness *liveness, int64_t now_us)
{
	return !liveness->is_waiting && now_us >= due_us(liveness);
}

bool liveness_is_in_turn(const struct liveness *liveness, int64_t now_us)
{
	return liveness_is_due(liveness, now_us) && (!liveness->has_pinged || now_us >= liveness_turn_us(liveness));
}

void liveness_note_ping(struct liveness *liveness, int64_t next_us, int64_t slack_us, int64_t now_us)
{
	if (next_us > 0)
		liveness->theirs_wait_us = next_us;
	liveness->theirs_us = now_us;
	liveness->slack_us = slack_us;
}

bool liveness_ping(struct liveness *liveness, int64_t interval_us, int64_t now_us)
{
	if (!liveness_is_due(liveness, now_us))
		return false;
	if (liveness_is_in_turn(liveness, now_us)) {
		liveness->turn_us = now_us;
		liveness->interval_us = interval_us;
		liveness->has_pinged = true;
	}
	/* One ping for each that is missed. */
	if (now_us >= expected_us(liveness))
		liveness->missed_us = now_us;
	liveness->is_waiting = true;
	liveness->pinged_us = now_us;
	if (liveness->doubt_us != FOREVER_US)
		liveness->doubt_us = now_us + LIVENESS_DOUBT_US;
	liveness->deaf_us = liveness->deaf_until_us > now_us ? liveness->deaf_until_us - now_us : 0;
	return true;
}

void liveness_hurry(struct liveness *liveness, int64_t now_us)
{
	if (!liveness->is_waiting && liveness->ping_due_us > now_us)
		liveness->ping_due_us = now_us;
}

void liveness_doubt(struct liveness *liveness, int64_t now_us)
{
	liveness_hurry(liveness, now_us);
	if (liveness->doubt_us == FOREVER_US)
		liveness->doubt_us = now_us + LIVENESS_DOUBT_US;
}

int64_t liveness_doubt_us(const struct liveness *liveness)
{
	return liveness->is_waiting ? liveness->doubt_us : FOREVER_US;
}

void liveness_doubt_again(struct liveness *liveness, int64_t now_us)
{
	enum { AGAIN_US = 1000 * 1000 };
	if (liveness->doubt_us != FOREVER_US)
		liveness->doubt_us = now_us + AGAIN_US;
}

/* Counts those that are much shorter than usual; true when there are enough. */
static bool has_fallen(struct liveness *liveness)
{
	int64_t rtt_us = liveness->rtt_us, usual_us = liveness->usual_rtt_us;
	if (rtt_us >= usual_us / 2 || usual_us - rtt_us < LIVENESS_FALL_US) {
		liveness->fallen = 0;
		return false;
	}
	if (liveness->fallen++ == 0 || rtt_us > liveness->fallen_us)
		liveness->fallen_us = rtt_us;
	return liveness->fallen >= LIVENESS_FALLS;
}

/* As TCP does (RFC 6298, 2.3). */
static void smooth(struct liveness *liveness)
{
	enum { PART = 8 };
	bool is_first = liveness->usual_rtt_us < 0;
	liveness->has_fallen = !is_first && has_fallen(liveness);
	if (is_first)
		liveness->usual_rtt_us = liveness->rtt_us;
	else if (liveness->has_fallen)
		liveness->usual_rtt_us = liveness->fallen_us;
	else
		liveness->usual_rtt_us += (liveness->rtt_us - liveness->usual_rtt_us) / PART;
	if (liveness->has_fallen)
		liveness->fallen = 0;
}

bool liveness_pong(struct liveness *liveness, int64_t now_us)
{
	if (!liveness->is_waiting)
		return false;
	liveness->is_waiting = false;
	liveness->doubt_us = FOREVER_US;
	liveness->rtt_us = now_us - liveness->pinged_us;
	smooth(liveness);
	liveness->ping_due_us = liveness_turn_us(liveness);
	return true;
}

int64_t liveness_next_ping_us(const struct liveness *liveness, int64_t now_us)
{
	if (!liveness->is_waiting)
		return due_us(liveness);
	int64_t regular = liveness_turn_us(liveness) > now_us ? liveness_turn_us(liveness) : FOREVER_US;
	int64_t expected = expected_us(liveness) > now_us ? expected_us(liveness) : FOREVER_US;
	return clock_earlier(regular, expected);
}

void liveness_be_deaf(struct liveness *liveness, int64_t now_us, int64_t until_us)
{
	liveness->deaf_until_us = until_us;
	if (liveness->is_waiting)
		liveness->deaf_us += until_us - now_us;
}

static int64_t later(int64_t one_us, int64_t other_us)
{
	return one_us > other_us ? one_us : other_us;
}

int64_t liveness_silent_since_us(const struct liveness *liveness, int64_t heard_us)
{
	if (!liveness->is_waiting)
		return FOREVER_US;
	return later(later(liveness->pinged_us, heard_us), later(liveness->deaf_until_us, liveness->excused_us));
}

void liveness_excuse(struct liveness *liveness, int64_t now_us)
{
	liveness->excused_us = now_us;
}

int64_t liveness_deadline_us(const struct liveness *liveness)
{
	return liveness->is_waiting ? liveness->pinged_us + liveness->timeout_us + liveness->deaf_us : FOREVER_US;
}

int64_t liveness_rtt_us(const struct liveness *liveness, int64_t now_us)
{
	int64_t waited_us = liveness->is_waiting ? now_us - liveness->pinged_us : -1;
	return waited_us > liveness->rtt_us ? waited_us : liveness->rtt_us;
}
