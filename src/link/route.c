#include "link/route.h"

#include <ifaddrs.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The address that the kernel would send from; unknown if there is no route. Connecting a UDP socket sends nothing. */
static struct address kernels_choice(const struct address *target)
{
	struct sockaddr_storage to, from;
	struct address choice = {0};
	socklen_t to_bytes = address_to_socket(target, &to), from_bytes = sizeof from;
	int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return choice;
	if (connect(fd, (struct sockaddr *)&to, to_bytes) == 0 &&
	    getsockname(fd, (struct sockaddr *)&from, &from_bytes) == 0 && !address_from_socket(&from, &choice))
		choice = (struct address){0};
	close(fd);
	return choice;
}

/* The interface that has this host's address; NULL if none has. */
static const char *interface_of(const struct ifaddrs *interfaces, const struct address *host)
{
	for (const struct ifaddrs *one = interfaces; one != NULL; one = one->ifa_next) {
		struct sockaddr_storage socket_address = {0};
		struct address address;
		if (one->ifa_addr == NULL)
			continue;
		if (one->ifa_addr->sa_family == AF_INET)
			memcpy(&socket_address, one->ifa_addr, sizeof(struct sockaddr_in));
		else if (one->ifa_addr->sa_family == AF_INET6)
			memcpy(&socket_address, one->ifa_addr, sizeof(struct sockaddr_in6));
		if (address_from_socket(&socket_address, &address) && address_same_host(&address, host))
			return one->ifa_name;
	}
	return NULL;
}

static struct address on_the_same_interface(const struct address *listen, size_t listen_count,
					    const struct address *choice)
{
	struct ifaddrs *interfaces = NULL;
	struct address source = {0};
	if (getifaddrs(&interfaces) != 0)
		return source;
	const char *wanted = interface_of(interfaces, choice);
	for (size_t i = 0; i < listen_count && wanted != NULL && !address_is_known(&source); i++) {
		const char *name = listen[i].family == choice->family ? interface_of(interfaces, &listen[i]) : NULL;
		if (name != NULL && strcmp(name, wanted) == 0)
			source = listen[i];
	}
	freeifaddrs(interfaces);
	return source;
}

struct address route_source(const struct address *listen, size_t listen_count, const struct address *target)
{
	bool is_loopback = address_scope_of(target) == SCOPE_LOOPBACK;
	bool is_anywhere = false, is_anywhere_specific = false;
	for (size_t i = 0; i < listen_count; i++) {
		if (listen[i].family != target->family)
			continue;
		if (address_is_wildcard(&listen[i]))
			is_anywhere = true;
		else if (is_loopback && address_scope_of(&listen[i]) == SCOPE_LOOPBACK)
			return listen[i];
		else
			is_anywhere_specific = true;
	}
	if (is_loopback || is_anywhere || !is_anywhere_specific)
		return (struct address){0};
	struct address choice = kernels_choice(target);
	for (size_t i = 0; i < listen_count; i++)
		if (address_is_known(&choice) && address_same_host(&listen[i], &choice))
			return listen[i];
	return address_is_known(&choice) ? on_the_same_interface(listen, listen_count, &choice) : choice;
}
