#include "face/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/sync.h"
#include "base/text.h"
#include "members/parts.h"

/* The threads are asked for a sign this many times in the time that the watchdog waits: one answer may come late. */
enum { LOOKS = 4 };

void service_open(struct service *service)
{
	struct problem problem;
	*service = (struct service){.status_due_us = FOREVER_US, .look_due_us = FOREVER_US};
	if (!notify_find(&service->notify, getenv("NOTIFY_SOCKET"), &problem))
		log_warning("the service manager hears nothing from this node: %s", problem.text);
	if (service->notify.length > 0)
		service->watchdog_us = notify_watchdog_us(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
}

static bool tell(const struct service *service, const char *lines)
{
	static struct log_limit limit;
	unsigned suppressed;
	bool is_told = notify_send(&service->notify, lines);
	int error = errno;
	if (!is_told && log_limit_take(&limit, &suppressed))
		log_warning("cannot notify the service manager: %s (%u more since the last such line)", strerror(error),
			    suppressed);
	return is_told;
}

/* ---- the line of status ---- */

void service_describe(const struct service_facts *facts, char out[static SERVICE_STATUS_BYTES])
{
	enum { TEXT_BYTES = MESSAGE_TEXT_BYTES * 4, PREFIX_BYTES = 8 };
	char name[TEXT_BYTES], network[TEXT_BYTES], nodeid[NODEID_TEXT_BYTES], address[ADDRESS_TEXT_BYTES];
	text_escape(name, sizeof name, facts->name, strlen(facts->name), TEXT_LINE);
	text_escape(network, sizeof network, facts->network, strlen(facts->network), TEXT_LINE);
	nodeid_format(&facts->nodeid, nodeid);
	address_format(&facts->listen, address);
	snprintf(out, SERVICE_STATUS_BYTES, "%s%s(%.*s) %s, network \"%s\", %s, %zu peer%s", name,
		 name[0] == '\0' ? "" : " ", PREFIX_BYTES, nodeid, address, network,
		 facts->is_private ? "private" : "open", facts->peers, facts->peers == 1 ? "" : "s");
}

static void describe(const struct service *service, char out[static SERVICE_STATUS_BYTES])
{
	struct node_view view = node_view(service->node);
	const struct parts *parts = view.parts;
	struct registry_counts counts = registry_count(parts->registry);
	struct service_facts facts = {.name = parts->settings->texts->name,
				      .nodeid = view.nodeid,
				      .network = parts->settings->network,
				      .is_private = view.context != NULL,
				      .peers = counts.inbound + counts.outbound};
	if (listening_count(parts->listening) > 0)
		facts.listen = parts->listening->addresses[0];
	service_describe(&facts, out);
}

/* If it has changed. */
static void tell_status(struct service *service, const char *before)
{
	char status[SERVICE_STATUS_BYTES], lines[SERVICE_STATUS_BYTES + 64];
	describe(service, status);
	if (before[0] == '\0' && strcmp(status, service->status) == 0)
		return;
	snprintf(lines, sizeof lines, "%sSTATUS=%s", before, status);
	if (tell(service, lines))
		strcpy(service->status, status);
}

/* ---- the watchdog ---- */

static void ask_progress(struct service *service)
{
	node_ask_progress(service->node);
	if (service->control != NULL)
		control_ask_progress(service->control);
}

static const char *who_hangs(const struct service *service)
{
	const char *hanging = node_who_hangs(service->node);
	if (hanging == NULL && service->control != NULL && !control_shows_progress(service->control))
		return "control";
	return hanging;
}

/* If all have shown themselves, the watchdog hears it, and they are asked again. */
static void look(struct service *service)
{
	const char *hanging = who_hangs(service);
	if (hanging != NULL && hanging != service->hanging)
		log_error("the %s thread hangs: if it goes on for %.1f s (WatchdogSec), the service manager ends kithd",
			  hanging, (double)service->watchdog_us / 1e6);
	if (hanging == NULL && service->hanging != NULL)
		log_warning("the %s thread hangs no longer", service->hanging);
	service->hanging = hanging;
	if (hanging != NULL)
		return;
	tell(service, "WATCHDOG=1");
	ask_progress(service);
}

/* ---- what main calls ---- */

void service_ready(struct service *service, struct node *node, struct control *control)
{
	if (service->notify.length == 0)
		return;
	int64_t now_us = clock_now_us();
	service->node = node;
	service->control = control;
	tell_status(service, "READY=1\n");
	service->status_due_us = now_us + SERVICE_STATUS_US;
	if (service->watchdog_us > 0) {
		service->look_due_us = now_us + service->watchdog_us / LOOKS;
		ask_progress(service);
	}
}

int64_t service_run(struct service *service, int64_t now_us)
{
	if (now_us >= service->look_due_us) {
		look(service);
		service->look_due_us = now_us + service->watchdog_us / LOOKS;
	}
	if (now_us >= service->status_due_us) {
		tell_status(service, "");
		service->status_due_us = now_us + SERVICE_STATUS_US;
	}
	return clock_earlier(service->look_due_us, service->status_due_us);
}

void service_reloading(const struct service *service)
{
	char lines[96];
	snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(clock_now_us() - CLOCK_START_US));
	tell(service, lines);
}

void service_reloaded(const struct service *service)
{
	tell(service, "READY=1");
}

void service_stopping(const struct service *service)
{
	tell(service, "STOPPING=1\nSTATUS=stopping");
}
