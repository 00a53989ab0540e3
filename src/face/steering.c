#include "face/steering.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "face/signals.h"

static void warn(const struct problem *problem)
{
	log_warning("the control socket is off: %s", problem->text);
}

void steering_prepare(struct steering *steering, const struct settings *settings)
{
	struct problem problem;
	*steering = (struct steering){.commands = commands_new(signals_send_command)};
	if (!place_prepare(&steering->place, settings, &problem))
		warn(&problem);
}

void steering_start(struct steering *steering, const struct node *node)
{
	struct node_view view = node_view(node);
	struct control_parts parts = {.common = *view.parts,
				      .commands = steering->commands,
				      .alarm = view.alarm,
				      .self = view.nodeid,
				      .started_us = view.started_us,
				      .context = view.context};
	const struct listening *listening = view.parts->listening;
	struct address none = {0};
	struct problem problem;
	if (!place_bind(&steering->place, view.parts->settings,
			listening_count(listening) > 0 ? &listening->addresses[0] : &none, &problem)) {
		warn(&problem);
		return;
	}
	if (steering->place.fd < 0)
		return;
	if (steering->place.leftovers > 0)
		log_info("removed %zu control %s of killed nodes from %s", steering->place.leftovers,
			 steering->place.leftovers == 1 ? "socket" : "sockets", steering->place.directory);
	if (steering->commands == NULL)
		problem_set(&problem, "%s", strerror(ENOMEM));
	else
		steering->control = control_start(&parts, &steering->place, &problem);
	if (steering->control == NULL) {
		place_fini(&steering->place);
		warn(&problem);
	} else if (steering->place.is_handed_over) {
		log_info("the control socket is %s, from the service manager", steering->place.path);
	} else if (steering->place.is_second) {
		log_warning("another process has the usual control socket: this one is %s", steering->place.path);
	} else {
		log_info("the control socket is %s", steering->place.path);
	}
}

void steering_stop(struct steering *steering)
{
	if (steering->commands != NULL)
		commands_close(steering->commands);
	control_stop(steering->control);
	commands_free(steering->commands);
}
