#include "talk/outlook_priv.h"

#include "base/text.h"
#include "talk/notes_priv.h"
#include "talk/protocol_priv.h"

/* After a look, nobody looks for so long, and so much longer for each node and pair. */
#define PAUSE_US ((int64_t)250 * 1000)
#define PAUSE_FOR_EACH_US ((int64_t)10)
/* Time alone can change what a view says: after so many pauses there is another look, at 10 s for a few nodes. */
enum { LOOK_PAUSES = 40 };

void outlook_fini(struct outlook *outlook)
{
	changes_fini(&outlook->past);
}

void outlook_changed(struct protocol *protocol)
{
	if (!atomic_exchange(&protocol->outlook.has_changed, true))
		alarm_ring(protocol->parts.alarm);
}

/* ---- problems ---- */

/* Whom the callback tells. */
struct hearer {
	struct protocol *protocol;
	const struct view *view; /* NULL for none */
	int64_t now_us;
};

static void log_problem(struct protocol *protocol, const struct problem_entry *problem, int64_t now_us)
{
	const struct finding *finding = &problem->finding;
	bool is_over = problem->over_us >= 0;
	enum log_level level = is_over || finding->is_notice ? LOG_INFO : LOG_WARNING;
	const char *what = finding->is_notice ? "notice" : "problem";
	char duration[TEXT_DURATION_BYTES];
	/* Members can make up as many as they like. */
	if (!lines_take(protocol->parts.common.lines, LINES_PROBLEMS, level, NULL, now_us))
		return;
	text_duration(now_us - (finding->since_us >= 0 ? finding->since_us : problem->raised_us), duration);
	if (is_over)
		log_line(level, "%s %llu is over after %s: %s", what, (unsigned long long)problem->number, duration,
			 finding->text);
	else
		log_line(level, "%s %llu: %s%s%s", what, (unsigned long long)problem->number, finding->text,
			 finding->advice[0] == '\0' ? "" : ". ", finding->advice);
}

static void hear(void *context, const struct problem_entry *problem)
{
	const struct hearer *hearer = context;
	log_problem(hearer->protocol, problem, hearer->now_us);
	notes_problem(hearer->protocol, problem, hearer->view);
}

/* ---- a look ---- */

static void look_at(struct protocol *protocol, const struct view *view)
{
	struct outlook *outlook = &protocol->outlook;
	struct problems *problems = protocol->parts.common.problems;
	struct hearer hearer = {.protocol = protocol, .view = view, .now_us = view->now_us};
	struct findings findings = diagnosis_find(view, problems_memory(problems));
	int64_t size = (int64_t)(view->node_count + view->pair_count), pause_us = PAUSE_US + size * PAUSE_FOR_EACH_US;
	outlook->again_us = clock_earlier(view->now_us + pause_us * LOOK_PAUSES, findings.again_us);
	outlook->again_us =
		clock_earlier(outlook->again_us, problems_look(problems, &findings, view->now_us, hear, &hearer));
	outlook->again_us = clock_earlier(outlook->again_us, notes_view(protocol, &outlook->past, view));
	outlook->pause_us = view->now_us + pause_us;
	/* Without memory for that, the same is noted again. */
	changes_keep(&outlook->past, view);
	findings_fini(&findings);
}

static void look(struct protocol *protocol, int64_t now_us)
{
	struct outlook *outlook = &protocol->outlook;
	struct reports *reports = protocol->parts.common.reports;
	struct view view;
	atomic_store(&outlook->has_changed, false);
	outlook->version = reports_version(reports);
	struct reports_snapshot snapshot = reports_take_snapshot(reports);
	if (!view_build(&view, &snapshot, &protocol->parts.self, now_us)) {
		outlook->pause_us = now_us + PAUSE_US * LOOK_PAUSES;
		return;
	}
	look_at(protocol, &view);
	view_expire(&view, reports);
	view_free(&view);
}

/* There are no reports any more: no problem of the network is known. */
static int64_t look_at_nothing(struct protocol *protocol, int64_t now_us)
{
	struct problems *problems = protocol->parts.common.problems;
	struct hearer hearer = {.protocol = protocol, .now_us = now_us};
	struct findings none = {.list = NULL, .again_us = FOREVER_US};
	return problems_look(problems, &none, now_us, hear, &hearer);
}

int64_t outlook_run(struct protocol *protocol, int64_t now_us)
{
	const struct parts *parts = &protocol->parts.common;
	struct outlook *outlook = &protocol->outlook;
	if (parts->reports == NULL || parts->problems == NULL)
		return FOREVER_US;
	if (parts->settings->max_nodes == 0)
		return look_at_nothing(protocol, now_us);
	if (outlook->version != reports_version(parts->reports))
		outlook->again_us = now_us;
	if (now_us >= outlook->again_us && now_us >= outlook->pause_us)
		look(protocol, now_us);
	return outlook->pause_us > outlook->again_us ? outlook->pause_us : outlook->again_us;
}
