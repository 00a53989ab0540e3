#include "kith/top_feed.h"

#include <stdlib.h>
#include <string.h>

#include "base/sync.h"
#include "kith/sockets.h"

/* In the order of the requests; each is asked only if it is wanted. */
enum {
	ANSWER_INFO,
	ANSWER_PEERS,
	ANSWER_ADDRESSES,
	ANSWER_PROBLEMS,
	ANSWER_PAGE,
	ANSWER_STORY,
	ANSWER_EVENTS,
	ANSWERS
};

/* What the other pages list besides. */
static const char *const requests_of_pages[TOP_PAGES] = {[TOP_NODES] = "nodes", [TOP_LINKS] = "links"};

void top_feed_init(struct top_feed *feed, const char *path)
{
	*feed = (struct top_feed){.path = path};
	session_init(&feed->session, -1);
}

static void stop_asking(struct top_feed *feed)
{
	session_fini(&feed->session);
	feed->is_asking = false;
}

void top_feed_fini(struct top_feed *feed)
{
	stop_asking(feed);
	status_fini(&feed->status);
	rows_fini(&feed->facts);
}

static bool connect_to(struct top_feed *feed)
{
	struct sockets *sockets = calloc(1, sizeof *sockets);
	if (sockets == NULL)
		return problem_set_lacks_memory(&feed->problem);
	bool is_connected = sockets_look_at(sockets, feed->path) && sockets->count > 0;
	if (is_connected) {
		session_init(&feed->session, sockets->connected[0].fd);
		sockets->connected[0].fd = -1;
	} else {
		sockets_complain(feed->path, sockets->failed.error);
	}
	sockets_close(sockets);
	free(sockets);
	return is_connected;
}

static bool ask_why(struct session *session, const struct top_about *about)
{
	struct buffer out = {0};
	struct row row = row_begin(&out, "why");
	row_text(&row, "about", about->one);
	if (about->other[0] != '\0')
		row_text(&row, "other", about->other);
	return session_send_row(session, &row);
}

static bool ask_for_events(struct session *session, double last_event)
{
	struct buffer out = {0};
	struct row row = row_begin(&out, "watch");
	if (last_event > 0)
		row_integer(&row, "since", (int64_t)last_event);
	else
		row_text(&row, "since", "1d");
	row_json(&row, "kinds", "[\"peer_up\",\"peer_down\"]");
	row_boolean(&row, "follow", false);
	return session_send_row(session, &row);
}

static bool is_wanted(const struct top_feed *feed, int answer)
{
	if (answer == ANSWER_PAGE)
		return requests_of_pages[feed->page] != NULL;
	return answer != ANSWER_STORY || feed->about.one[0] != '\0';
}

static bool ask_for(struct top_feed *feed, int answer, double last_event)
{
	struct session *session = &feed->session;
	switch (answer) {
	case ANSWER_INFO:
		return session_ask(session, "info");
	case ANSWER_PEERS:
		return session_ask(session, "peers");
	case ANSWER_ADDRESSES:
		return session_ask(session, "addresses");
	case ANSWER_PROBLEMS:
		return session_ask(session, "problems");
	case ANSWER_PAGE:
		return session_ask(session, requests_of_pages[feed->page]);
	case ANSWER_STORY:
		return ask_why(session, &feed->about);
	default:
		return ask_for_events(session, last_event);
	}
}

static bool ask_all(struct top_feed *feed, double last_event)
{
	bool is_good = true;
	for (int answer = 0; answer < ANSWERS && is_good; answer++)
		is_good = !is_wanted(feed, answer) || ask_for(feed, answer, last_event);
	return is_good;
}

bool top_feed_ask(struct top_feed *feed, const struct top_model *model)
{
	stop_asking(feed);
	status_fini(&feed->status);
	feed->status = (struct status){0};
	rows_fini(&feed->facts);
	feed->no_story.text[0] = '\0';
	feed->page = model->page;
	feed->about = model->story.about;
	feed->answer = ANSWER_INFO;
	feed->asked_us = clock_now_us();
	complain_into(&feed->problem);
	feed->is_asking = connect_to(feed) && ask_all(feed, model->last_event);
	complain_into(NULL);
	if (!feed->is_asking) {
		stop_asking(feed);
		return false;
	}
	feed->session.tolerates_unknown = true;
	feed->session.patience_ms = 0;
	return true;
}

int top_feed_fd(const struct top_feed *feed)
{
	return feed->is_asking ? feed->session.fd : -1;
}

static void take_row(struct top_feed *feed)
{
	if (feed->answer != ANSWER_STORY)
		status_take(&feed->status, feed->session.row);
	else if (!rows_add(&feed->facts, feed->session.row))
		feed->status.lacks_memory = true;
}

/* The answer is an error; the next one comes all the same. */
static bool take_refusal(struct top_feed *feed)
{
	static const char *const of_client[] = {"too_many_clients", "no_memory", "no_thread"};
	for (size_t i = 0; i < sizeof of_client / sizeof *of_client; i++)
		if (strcmp(feed->session.code, of_client[i]) == 0)
			return false;
	if (feed->session.code[0] == '\0')
		return false;
	feed->session.code[0] = '\0';
	if (feed->answer == ANSWER_STORY)
		feed->no_story = feed->problem;
	return true;
}

static enum top_fed finish(struct top_feed *feed, enum top_fed fed)
{
	stop_asking(feed);
	return fed;
}

enum top_fed top_feed_read(struct top_feed *feed)
{
	enum { ROWS_AT_ONCE = 1000 };
	enum top_fed fed = TOP_FED_MORE;
	complain_into(&feed->problem);
	for (int rows = 0; rows < ROWS_AT_ONCE && fed == TOP_FED_MORE; rows++) {
		enum session_result result = session_next(&feed->session);
		if (result == SESSION_SILENT)
			break;
		if (result == SESSION_ROW) {
			take_row(feed);
			continue;
		}
		if (result == SESSION_FAILED && !take_refusal(feed)) {
			fed = finish(feed, TOP_FED_FAILED);
			break;
		}
		do
			feed->answer++;
		while (!is_wanted(feed, feed->answer));
		if (feed->answer == ANSWERS)
			fed = finish(feed, TOP_FED_DONE);
	}
	complain_into(NULL);
	return fed;
}
