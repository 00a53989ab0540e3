#include "kith/command.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/sync.h"
#include "kith/finder.h"
#include "kith/screen.h"
#include "kith/top_feed.h"
#include "kith/top_keys.h"
#include "kith/top_view.h"
#include "kith/words.h"

static const int signals[] = {SIGWINCH, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT};

struct top {
	struct top_model model;
	struct top_feed feed;
	int64_t interval_us, next_us; /* when the node is asked again */
	int64_t lost_us;	      /* since when no node answers; 0 while one does */
	char lost_at[WORDS_BYTES];
	int signals_fd;
	sigset_t signals, before;
	bool is_over;
	int killed_by; /* a signal, or 0 */
};

/* ---- the node ---- */

static void lose(struct top *top)
{
	char now[WORDS_BYTES];
	time_t seconds = time(NULL);
	struct tm parts;
	if (top->lost_us == 0) {
		top->lost_us = clock_now_us();
		strftime(now, sizeof now, "%H:%M:%S", localtime_r(&seconds, &parts));
		strcpy(top->lost_at, now);
	}
	problem_set(&top->model.trouble, "no node answers since %s, trying again: %s", top->lost_at,
		    top->feed.problem.text);
}

static void ask(struct top *top)
{
	/* One that is gone is looked for often: a restart takes less than a second. */
	enum { LOST_INTERVAL_US = 500000 };
	bool is_asked = top_feed_ask(&top->feed, &top->model);
	int64_t interval_us = top->interval_us;
	if (!is_asked) {
		lose(top);
		interval_us = interval_us < LOST_INTERVAL_US ? interval_us : LOST_INTERVAL_US;
	}
	top->next_us = clock_now_us() + interval_us;
}

/* A node that takes long to answer, as for the links of many nodes, is left alone for longer than that. */
static void spare_node(struct top *top)
{
	enum { REST = 3 };
	int64_t now_us = clock_now_us(), rested_us = now_us + REST * (now_us - top->feed.asked_us);
	if (top->next_us != 0 && top->next_us < rested_us)
		top->next_us = rested_us;
}

/* As soon as what it was asked before is answered. */
static void ask_soon(struct top *top)
{
	top->next_us = 0;
}

static void listen_to_node(struct top *top)
{
	struct top_feed *feed = &top->feed;
	switch (top_feed_read(feed)) {
	case TOP_FED_MORE:
		break;
	case TOP_FED_DONE:
		top->lost_us = 0;
		top->model.trouble.text[0] = '\0';
		spare_node(top);
		if (feed->about.one[0] != '\0')
			top_take_story(&top->model, &feed->about, &feed->facts, &feed->no_story);
		if (!top_take(&top->model, &feed->status, feed->page, clock_now_us()))
			ask_soon(top);
		break;
	case TOP_FED_FAILED:
		lose(top);
		break;
	}
}

/* A node that is asked and says nothing may hang; what it said before stays. */
static void look_at_clock(struct top *top)
{
	enum { PATIENCE_US = 3000000 };
	int64_t now_us = clock_now_us();
	if (!top->feed.is_asking && now_us >= top->next_us && (!top->model.is_paused || top->next_us == 0))
		ask(top);
	else if (top->feed.is_asking && now_us - top->feed.asked_us > PATIENCE_US)
		problem_set(&top->model.trouble, "the node has not answered for %d s: is it stopped, or very busy?",
			    (int)((now_us - top->feed.asked_us) / 1000000));
}

/* ---- the terminal ---- */

/* Stops this process as the key does, until somebody continues it. */
static void stop(struct top *top)
{
	sigset_t only;
	sigemptyset(&only);
	sigaddset(&only, SIGTSTP);
	screen_suspend();
	signal(SIGTSTP, SIG_DFL);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
	sigprocmask(SIG_SETMASK, &top->signals, NULL);
	screen_resume();
}

static void take_signal(struct top *top)
{
	struct signalfd_siginfo info;
	if (read(top->signals_fd, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	switch (info.ssi_signo) {
	case SIGWINCH:
		screen_resize();
		break;
	case SIGCONT:
		screen_resume();
		break;
	case SIGTSTP:
		stop(top);
		break;
	default:
		top->killed_by = (int)info.ssi_signo;
		top->is_over = true;
		break;
	}
}

static void take_keys(struct top *top)
{
	struct press press;
	while (!top->is_over && (press = screen_press()).kind != PRESS_NONE) {
		enum top_wish wish = top_press(&top->model, &press);
		if (wish == TOP_QUIT)
			top->is_over = true;
		else if (wish == TOP_REFRESH)
			ask_soon(top);
	}
}

static void draw(struct top *top)
{
	size_t rows, columns;
	screen_size(&rows, &columns);
	struct picture picture = top_view(&top->model, rows, columns);
	if (!picture.lacks_memory)
		screen_draw(&picture);
	top->model.lacks_memory = top->model.lacks_memory || picture.lacks_memory;
	picture_fini(&picture);
}

static int timeout_ms(const struct top *top)
{
	enum { LONGEST_MS = 1000 };
	int64_t left_ms = (top->next_us - clock_now_us()) / 1000 + 1;
	/* What is said of the time that has passed changes by the second. */
	if (top->feed.is_asking || top->model.is_paused || left_ms > LONGEST_MS)
		return LONGEST_MS;
	return left_ms > 0 ? (int)left_ms : 0;
}

static void wait_for_something(struct top *top)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			       {.fd = top->signals_fd, .events = POLLIN},
			       {.fd = top_feed_fd(&top->feed), .events = POLLIN}};
	if (poll(fds, sizeof fds / sizeof *fds, timeout_ms(top)) <= 0)
		return;
	if ((fds[1].revents & POLLIN) != 0)
		take_signal(top);
	if ((fds[0].revents & POLLIN) != 0)
		take_keys(top);
	/* The terminal has gone. */
	if ((fds[0].revents & (POLLHUP | POLLERR)) != 0)
		top->is_over = true;
	if (fds[2].revents != 0)
		listen_to_node(top);
}

/* ---- from the beginning to the end ---- */

static bool begin(struct top *top)
{
	sigemptyset(&top->signals);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaddset(&top->signals, signals[i]);
	sigprocmask(SIG_BLOCK, &top->signals, &top->before);
	top->signals_fd = signalfd(-1, &top->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return top->signals_fd >= 0;
}

static void end(struct top *top)
{
	if (top->signals_fd >= 0)
		close(top->signals_fd);
	if (top->killed_by != 0) {
		signal(top->killed_by, SIG_DFL);
		raise(top->killed_by);
	}
	sigprocmask(SIG_SETMASK, &top->before, NULL);
}

static enum outcome show(struct top *top)
{
	const char *term = getenv("TERM");
	if (!screen_open())
		return complain(OUTCOME_WRONG_USAGE,
				"the terminal \"%s\" has no cursor that moves: set TERM, or write kith --watch",
				term == NULL ? "" : term);
	while (!top->is_over && !top->model.lacks_memory) {
		look_at_clock(top);
		draw(top);
		wait_for_something(top);
	}
	screen_close();
	return top->model.lacks_memory ? complain_no_memory() : OUTCOME_DONE;
}

static enum outcome run_at(const char *path, double interval_s)
{
	struct top top = {.interval_us = (int64_t)(interval_s * 1e6)};
	enum outcome outcome;
	top_init(&top.model);
	top_feed_init(&top.feed, path);
	if (begin(&top))
		outcome = show(&top);
	else
		outcome = complain(OUTCOME_SYSTEM_FAILS, "cannot wait for signals: %s", strerror(errno));
	top_feed_fini(&top.feed);
	top_fini(&top.model);
	end(&top);
	return outcome;
}

enum outcome run_top(const struct command_kind *kind, const struct options *options)
{
	enum { USUAL_S = 2, LONGEST_S = 3600 };
	struct session session;
	struct problem problem;
	double interval_s;
	char path[SOCKET_PATH_BYTES];
	(void)kind;
	if (!option_number(options, OPTION_INTERVAL, 0.1, LONGEST_S, USUAL_S, &interval_s, &problem))
		return complain(OUTCOME_WRONG_USAGE, "%s", problem.text);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return complain(OUTCOME_WRONG_USAGE,
				"kith top needs a terminal: write kith or kith --watch, or kith -j for a program");
	/* With the words that every command has, if there is no node. */
	enum outcome outcome = finder_connect(options, &session);
	if (outcome != OUTCOME_DONE)
		return outcome;
	strcpy(path, session.path);
	session_fini(&session);
	return run_at(path, interval_s);
}
