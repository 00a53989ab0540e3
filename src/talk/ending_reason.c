#include <errno.h>

#include "talk/protocol_priv.h"

/* The socket, or this machine, says so. */
static enum report_reason by_error(const struct peer_info *info)
{
	switch (info->error) {
	case 0:
		return info->ending == PEER_HINDERED ? REASON_UNREACHABLE : REASON_CLOSED;
	case ECONNRESET:
	case ECONNABORTED:
	case EPIPE:
		return REASON_RESET;
	case ETIMEDOUT:
		return info->state == PEER_READY ? REASON_SILENT : REASON_TIMED_OUT;
	case ECONNREFUSED:
		return REASON_REFUSED;
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
		return REASON_UNREACHABLE;
	default:
		return REASON_OTHER;
	}
}

/* This node has ended it. */
static enum report_reason by_own_bye(const struct peer_info *info)
{
	switch (info->reason) {
	case BYE_TIMEOUT:
		return info->state == PEER_READY ? REASON_SILENT : REASON_TIMED_OUT;
	case BYE_SLOW:
		return REASON_SLOW;
	case BYE_PROTOCOL:
		return REASON_PROTOCOL;
	case BYE_NETWORK:
		return REASON_NETWORK;
	case BYE_SELF:
		return REASON_OTHER;
	default:
		return REASON_REMOVED;
	}
}

/* The far end has. What it says of this node is no reason to say so of it. */
static enum report_reason by_their_bye(const struct peer_info *info)
{
	switch (info->reason) {
	case BYE_SHUTDOWN:
		return REASON_LEFT;
	case BYE_FULL:
		return info->state == PEER_READY ? REASON_REMOVED : REASON_FULL;
	case BYE_PROTOCOL:
		return REASON_PROTOCOL;
	case BYE_NETWORK:
		return REASON_NETWORK;
	case BYE_DUPLICATE:
	case BYE_OPERATOR:
	case BYE_TIMEOUT:
	case BYE_SLOW:
		return REASON_REMOVED;
	default:
		return REASON_OTHER;
	}
}

enum report_reason ending_reason(const struct peer_info *info)
{
	if (info->ending == PEER_LEFT)
		return by_their_bye(info);
	if (info->ending == PEER_REFUSED)
		return info->error == EACCES ? REASON_SECRET : REASON_PROTOCOL;
	if (info->ending == PEER_CLOSED || info->reason != BYE_UNKNOWN)
		return by_own_bye(info);
	return by_error(info);
}
