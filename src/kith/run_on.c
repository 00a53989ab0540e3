#include "kith/command.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/sync.h"
#include "kith/events.h"
#include "kith/follower.h"
#include "kith/hook_run.h"
#include "kith/value.h"

/* After events for which there is no command, the cursor may wait. */
#define CURSOR_US ((int64_t)1000 * 1000)

struct hooks {
	char **kinds, **argv; /* what is wanted, and what is run */
	size_t kind_count;
	int64_t timeout_us;
	const char *cursor_path; /* NULL for none */
	int cursor_lock;	 /* a descriptor */
	bool cursor_fails;
	struct cursor saved;
	int64_t cursor_due_us;
	int signals; /* a descriptor */
	bool is_stopping;
	struct follower follower;
	struct hook_queue queue;
	struct hook_run runs[HOOK_RUNNING_MOST];
	size_t run_count;
};

/* ---- events ---- */

static bool has_room(void *context)
{
	const struct hooks *hooks = context;
	return !hook_queue_is_full(&hooks->queue);
}

static bool is_wanted(const struct hooks *hooks, const char *kind)
{
	/* Whoever relies on events has to know that some are missing. */
	if (strcmp(kind, "lost") == 0)
		return true;
	for (size_t i = 0; i < hooks->kind_count; i++)
		if (strcmp(event_kind(hooks->kinds[i]), kind) == 0)
			return true;
	return false;
}

static bool take_event(void *context, struct json_object *row, uint64_t number)
{
	struct hooks *hooks = context;
	const char *kind = value_text(row, "kind");
	return kind == NULL || !is_wanted(hooks, kind) || hook_queue_put(&hooks->queue, row, number);
}

static void note_boot(void *context)
{
	struct hooks *hooks = context;
	hook_queue_note_boot(&hooks->queue);
}

/* ---- the cursor ---- */

static bool is_same(const struct cursor *one, const struct cursor *other)
{
	return nodeid_equals(&one->boot, &other->boot) && one->number == other->number &&
	       one->waiting_count == other->waiting_count &&
	       memcmp(one->waiting, other->waiting, one->waiting_count * sizeof *one->waiting) == 0 &&
	       one->is_lost_waiting == other->is_lost_waiting && one->is_initial_waiting == other->is_initial_waiting;
}

static void save_cursor(struct hooks *hooks)
{
	struct cursor cursor = {0};
	struct problem problem;
	hook_queue_note_waiting(&hooks->queue, &cursor);
	follower_note(&hooks->follower, &cursor);
	if (hooks->cursor_path == NULL || nodeid_is_none(&cursor.boot))
		return;
	hooks->cursor_due_us = clock_now_us() + CURSOR_US;
	if (is_same(&cursor, &hooks->saved))
		return;
	bool was_failing = hooks->cursor_fails;
	hooks->cursor_fails = !cursor_save(hooks->cursor_path, &cursor, &problem);
	if (!hooks->cursor_fails)
		hooks->saved = cursor;
	else if (!was_failing)
		complain(OUTCOME_SYSTEM_FAILS, "%s; until it can, a restart may run commands twice", problem.text);
}

/* ---- commands ---- */

static void start_commands(struct hooks *hooks)
{
	size_t first = hooks->run_count;
	while (!hooks->is_stopping && hook_queue_take(&hooks->queue, &hooks->runs[hooks->run_count].event))
		hooks->run_count++;
	/* Before they begin, so that a crash makes none of them run twice. */
	if (hooks->run_count > first || clock_now_us() >= hooks->cursor_due_us)
		save_cursor(hooks);
	for (size_t i = first; i < hooks->run_count; i++)
		hook_run_start(&hooks->runs[i], hooks->argv, clock_now_us() + hooks->timeout_us);
}

/* True if one has ended, so that others may begin. */
static bool reap_commands(struct hooks *hooks)
{
	size_t kept = 0, before = hooks->run_count;
	for (size_t i = 0; i < hooks->run_count; i++) {
		if (hook_run_has_ended(&hooks->runs[i]))
			hook_queue_done(&hooks->queue, &hooks->runs[i].event);
		else
			hooks->runs[kept++] = hooks->runs[i];
	}
	hooks->run_count = kept;
	return kept < before;
}

static void limit_commands(struct hooks *hooks)
{
	for (size_t i = 0; i < hooks->run_count; i++)
		hook_run_limit(&hooks->runs[i], clock_now_us());
}

/* ---- signals ---- */

static bool open_signals(struct hooks *hooks)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
		hooks->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return hooks->signals >= 0;
}

/* The first stop waits for the commands that run, the second terminates them. */
static void take_signals(struct hooks *hooks)
{
	struct signalfd_siginfo info;
	while (read(hooks->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGCHLD)
			continue;
		for (size_t i = 0; i < hooks->run_count && hooks->is_stopping; i++)
			hook_run_terminate(&hooks->runs[i], clock_now_us());
		hooks->is_stopping = true;
	}
}

/* ---- the loop ---- */

static int milliseconds_until(int64_t due_us)
{
	int64_t left_us = due_us - clock_now_us();
	return left_us <= 0 ? 0 : left_us > 60000000 ? 60000 : (int)((left_us + 999) / 1000);
}

static void wait_for_something(struct hooks *hooks)
{
	bool takes = !hooks->is_stopping && has_room(hooks);
	bool is_behind = hooks->cursor_path != NULL && hooks->saved.number != hooks->follower.after;
	int64_t due_us = hooks->is_stopping || !is_behind ? INT64_MAX : hooks->cursor_due_us;
	struct pollfd fds[] = {{.fd = hooks->signals, .events = POLLIN},
			       {.fd = takes ? follower_fd(&hooks->follower) : -1, .events = POLLIN}};
	if (takes && follower_due_us(&hooks->follower) < due_us)
		due_us = follower_due_us(&hooks->follower);
	for (size_t i = 0; i < hooks->run_count; i++)
		if (hooks->runs[i].due_us < due_us)
			due_us = hooks->runs[i].due_us;
	poll(fds, 2, milliseconds_until(due_us));
}

static enum outcome run_until_stopped(struct hooks *hooks)
{
	enum outcome outcome = OUTCOME_DONE;
	while (!hooks->is_stopping || hooks->run_count > 0) {
		bool has_more = false;
		if (!hooks->is_stopping)
			outcome = follower_step(&hooks->follower, &has_more);
		if (outcome != OUTCOME_DONE)
			hooks->is_stopping = true;
		start_commands(hooks);
		limit_commands(hooks);
		take_signals(hooks);
		if (!reap_commands(hooks) && !has_more && !(hooks->is_stopping && hooks->run_count == 0))
			wait_for_something(hooks);
	}
	save_cursor(hooks);
	return outcome;
}

/* ---- the command line ---- */

static bool is_known_kind(const char *kind)
{
	if (strcmp(kind, "lost") == 0)
		return true;
	for (size_t i = 0; i < event_words_count; i++)
		if (strcmp(event_words[i].kind, event_kind(kind)) == 0)
			return true;
	return false;
}

static bool parse_words(struct hooks *hooks, const struct options *options, struct problem *problem)
{
	enum { USUAL_S = 30, LONGEST_S = 86400 };
	double seconds;
	size_t count = options->before_dashes;
	if (count == 0 || count == options->operand_count)
		return problem_set(problem, "write the kinds, then --, then the command: kith on peer_down -- COMMAND");
	for (size_t i = 0; i < count; i++)
		if (!is_known_kind(options->operands[i]))
			return problem_set(problem, "there is no kind of event \"%s\"; kith(1) lists them",
					   options->operands[i]);
	hooks->kinds = options->operands;
	hooks->kind_count = count;
	hooks->argv = options->operands + count;
	hooks->cursor_path = options->values[OPTION_CURSOR];
	if (!option_number(options, OPTION_TIMEOUT, 0.1, LONGEST_S, USUAL_S, &seconds, problem))
		return false;
	hooks->timeout_us = (int64_t)(seconds * 1e6);
	return hook_run_find(hooks->argv[0], problem) &&
	       (hooks->cursor_path == NULL || cursor_load(hooks->cursor_path, &hooks->saved, problem));
}

/* The cursor is read again once nobody else writes it. */
static bool take_cursor(struct hooks *hooks, struct problem *problem)
{
	if (hooks->cursor_path == NULL)
		return true;
	hooks->cursor_lock = cursor_lock(hooks->cursor_path, problem);
	return hooks->cursor_lock >= 0 && cursor_load(hooks->cursor_path, &hooks->saved, problem);
}

static enum outcome follow(struct hooks *hooks, const struct options *options)
{
	const struct follower_taker taker = {hooks, has_room, take_event, note_boot};
	struct problem problem;
	enum outcome outcome;
	if (!take_cursor(hooks, &problem))
		return complain(OUTCOME_SYSTEM_FAILS, "%s", problem.text);
	if (!open_signals(hooks))
		return complain(OUTCOME_SYSTEM_FAILS, "cannot wait for signals: %s", strerror(errno));
	follower_init(&hooks->follower, options, &hooks->saved, option_is_given(options, OPTION_INITIAL), &taker);
	outcome = run_until_stopped(hooks);
	follower_fini(&hooks->follower);
	hook_queue_fini(&hooks->queue);
	return outcome;
}

enum outcome run_on(const struct command_kind *kind, const struct options *options)
{
	struct problem problem;
	struct hooks *hooks = calloc(1, sizeof *hooks);
	enum outcome outcome;
	(void)kind;
	if (hooks == NULL)
		return complain_no_memory();
	hooks->signals = hooks->cursor_lock = -1;
	if (parse_words(hooks, options, &problem))
		outcome = follow(hooks, options);
	else
		outcome = complain(OUTCOME_WRONG_USAGE, "%s", problem.text);
	if (hooks->signals >= 0)
		close(hooks->signals);
	if (hooks->cursor_lock >= 0)
		close(hooks->cursor_lock);
	free(hooks);
	return outcome;
}
