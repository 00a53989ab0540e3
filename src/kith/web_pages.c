#include "kith/web_pages.h"

#include <string.h>

#include "kith/exposition.h"
#include "kith/mesh_ask.h"
#include "kith/mesh_html.h"
#include "kith/value.h"
#include "kith/words.h"

enum { STATUS_GOOD = 200, STATUS_UNAVAILABLE = 503, REFRESH_S = 5 };

/* ---- the map ---- */

static bool take_mesh(void *context, struct json_object *row)
{
	struct web_pages *pages = context;
	mesh_take(&pages->mesh, row);
	return !pages->mesh.lacks_memory;
}

static unsigned write_mesh(struct web_pages *pages, const char *why, struct writing *out)
{
	if (why == NULL && !mesh_finish(&pages->mesh))
		why = "out of memory";
	if (why == NULL)
		mesh_html_write(out, &pages->mesh, REFRESH_S);
	else
		mesh_html_write_failure(out, why, REFRESH_S);
	return why == NULL ? STATUS_GOOD : STATUS_UNAVAILABLE;
}

/* ---- metrics ---- */

static bool ask_for_metrics(struct session *session)
{
	return session_ask(session, "metrics");
}

static bool take_metrics(void *context, struct json_object *row)
{
	struct web_pages *pages = context;
	return strcmp(value_text(row, "msgtype"), "metric") != 0 || rows_add(&pages->metrics, row);
}

/* That the node is down is a measurement too. */
static unsigned write_metrics(struct web_pages *pages, const char *why, struct writing *out)
{
	if (!exposition_add_up(&out->out, why == NULL) ||
	    (why == NULL && !exposition_add_metrics(&out->out, &pages->metrics)))
		out->lacks_memory = true;
	return STATUS_GOOD;
}

/* ---- health ---- */

static bool take_health(void *context, struct json_object *row)
{
	struct web_pages *pages = context;
	return health_check_take(&pages->check, row);
}

/* A warning is no reason to take a node out of service. */
static unsigned write_health(struct web_pages *pages, const char *why, struct writing *out)
{
	enum outcome outcome = why == NULL ? health_check_describe(&pages->check, &pages->limits, &out->out)
					   : health_check_describe_unknown(why, &out->out);
	writing_print(out, "\n");
	return outcome <= OUTCOME_WARNING ? STATUS_GOOD : STATUS_UNAVAILABLE;
}

/* ---- all ---- */

static const struct page_kind {
	int requests;
	bool (*ask)(struct session *session);
	bool (*take)(void *pages, struct json_object *row);
	unsigned (*write)(struct web_pages *pages, const char *why, struct writing *out); /* why it failed, or NULL */
} kinds[WEB_PAGES] = {
	[WEB_MAP] = {MESH_REQUESTS, mesh_ask, take_mesh, write_mesh},
	[WEB_METRICS] = {1, ask_for_metrics, take_metrics, write_metrics},
	[WEB_HEALTH] = {HEALTH_CHECK_REQUESTS, health_check_ask, take_health, write_health},
};

/* Drops what was taken for the page. */
static void forget(struct web_pages *pages, enum web_page page)
{
	if (page == WEB_MAP)
		mesh_fini(&pages->mesh);
	else if (page == WEB_METRICS)
		rows_fini(&pages->metrics);
	else
		health_check_fini(&pages->check);
}

void web_pages_init(struct web_pages *pages, const struct inquiry_node *node, const struct health_limits *limits)
{
	*pages = (struct web_pages){.node = *node, .limits = *limits};
	for (enum web_page page = 0; page < WEB_PAGES; page++)
		inquiry_init(&pages->inquiries[page]);
}

void web_pages_fini(struct web_pages *pages)
{
	for (enum web_page page = 0; page < WEB_PAGES; page++) {
		inquiry_fini(&pages->inquiries[page]);
		forget(pages, page);
	}
}

bool web_pages_begin(struct web_pages *pages, enum web_page page)
{
	if (page == WEB_MAP)
		mesh_init(&pages->mesh, words_now());
	pages->inquiries[page].problem.text[0] = '\0';
	return inquiry_begin(&pages->inquiries[page], &pages->node, kinds[page].ask, kinds[page].requests);
}

bool web_pages_read(struct web_pages *pages, enum web_page page)
{
	enum inquired inquired = inquiry_read(&pages->inquiries[page], kinds[page].take, pages);
	if (inquired == INQUIRED_ALL)
		pages->inquiries[page].problem.text[0] = '\0';
	return inquired != INQUIRED_MORE;
}

unsigned web_pages_write(struct web_pages *pages, enum web_page page, struct writing *out)
{
	const char *why = pages->inquiries[page].problem.text;
	unsigned status = kinds[page].write(pages, why[0] == '\0' ? NULL : why, out);
	forget(pages, page);
	return status;
}
