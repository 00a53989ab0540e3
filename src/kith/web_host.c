#include "kith/web_host.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* As long as a name in the DNS can be (RFC 1035, 2.3.4). */
enum { HOST_BYTES = 256 };

static const char name_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";

/* "host", "host:port", "[host]" or "[host]:port": the host alone. False for another form. */
static bool cut_port(const char *header, char host[static HOST_BYTES])
{
	bool is_bracketed = header[0] == '[';
	const char *begin = header + is_bracketed;
	size_t length = strcspn(begin, is_bracketed ? "]" : ":");
	const char *rest = begin + length;
	if (is_bracketed && *rest++ != ']')
		return false;
	if (length == 0 || length >= HOST_BYTES)
		return false;
	snprintf(host, HOST_BYTES, "%.*s", (int)length, begin);
	/* "::1" has no brackets, and is no host of a header. */
	return *rest == '\0' || (*rest == ':' && strspn(rest + 1, "0123456789") == strlen(rest + 1));
}

/* Is the name one of the list? */
static bool is_in_list(const char *host, const char *names)
{
	for (const char *at = names; at != NULL && *at != '\0';) {
		size_t length = strcspn(at, ",");
		if (length == strlen(host) && strncasecmp(at, host, length) == 0)
			return true;
		at += length + (at[length] == ',');
	}
	return false;
}

bool web_host_is_allowed(const char *header, const struct address *local, const char *names)
{
	char host[HOST_BYTES];
	struct address address;
	if (header == NULL || !cut_port(header, host))
		return false;
	if (address_from_host(host, 0, &address))
		return address_same_host(&address, local);
	return strcasecmp(host, "localhost") == 0 || is_in_list(host, names);
}

bool web_host_are_names(const char *names)
{
	for (const char *at = names;; at++) {
		size_t length = strspn(at, name_characters);
		at += length;
		if (length == 0 || (*at != '\0' && *at != ','))
			return false;
		if (*at == '\0')
			return true;
	}
}
