#include "telemetry/event.h"

#include <string.h>

static const char *const kind_names[EVENT_KINDS] = {
	[EVENT_STARTED] = "started",	       [EVENT_STOPPING] = "stopping",	[EVENT_RELOADED] = "reloaded",
	[EVENT_SETTING] = "setting",	       [EVENT_PEER_UP] = "peer_up",	[EVENT_PEER_DOWN] = "peer_down",
	[EVENT_PEER_LATE] = "peer_late",       [EVENT_PEER_OK] = "peer_ok",	[EVENT_DIAL_FAILED] = "dial_failed",
	[EVENT_DIAL_OK] = "dial_ok",	       [EVENT_REFUSED] = "refused",	[EVENT_BANNED] = "banned",
	[EVENT_NODE_UP] = "node_up",	       [EVENT_NODE_LATE] = "node_late", [EVENT_NODE_GONE] = "node_gone",
	[EVENT_LINK_DOWN] = "link_down",       [EVENT_LINK_UP] = "link_up",	[EVENT_PROBLEM] = "problem",
	[EVENT_PROBLEM_OVER] = "problem_over",
};

const char *event_kind_name(enum event_kind kind)
{
	return kind_names[kind];
}

bool event_kind_find(const char *name, enum event_kind *kind)
{
	for (int i = 0; i < EVENT_KINDS; i++) {
		if (strcmp(kind_names[i], name) == 0) {
			*kind = (enum event_kind)i;
			return true;
		}
	}
	return false;
}

const char *event_ending_name(enum event_ending ending)
{
	switch (ending) {
	case EVENT_NO_ENDING:
		return "";
	case EVENT_LEFT:
		return "left";
	case EVENT_FAILED:
		return "failed";
	case EVENT_CLOSED:
		return "closed";
	}
	return "";
}

const char *event_direction_name(enum event_direction direction)
{
	static const char *const names[] = {
		[EVENT_NO_DIRECTION] = "", [EVENT_INBOUND] = "in", [EVENT_OUTBOUND] = "out"};
	return names[direction];
}
