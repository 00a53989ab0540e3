#include "link/route.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
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

/* False for what is no IP address. */
static bool read_socket_address(const struct sockaddr *from, struct address *address)
{
	struct sockaddr_storage socket_address = {0};
	if (from == NULL)
		return false;
	if (from->sa_family == AF_INET)
		memcpy(&socket_address, from, sizeof(struct sockaddr_in));
	else if (from->sa_family == AF_INET6)
		memcpy(&socket_address, from, sizeof(struct sockaddr_in6));
	return address_from_socket(&socket_address, address);
}

/* The entry of this host's address; NULL if this machine does not have it. */
static const struct ifaddrs *entry_of(const struct ifaddrs *interfaces, const struct address *host)
{
	for (const struct ifaddrs *one = interfaces; one != NULL; one = one->ifa_next) {
		struct address address;
		if (read_socket_address(one->ifa_addr, &address) && address_same_host(&address, host))
			return one;
	}
	return NULL;
}

static bool is_in_the_same_subnet(const struct ifaddrs *entry, const struct address *one, const struct address *other)
{
	struct address mask;
	if (!read_socket_address(entry->ifa_netmask, &mask) || mask.family != one->family)
		return false;
	for (size_t i = 0; i < sizeof mask.host; i++)
		if (((one->host[i] ^ other->host[i]) & mask.host[i]) != 0)
			return false;
	return true;
}

static struct address in_the_same_network(const struct address *listen, size_t listen_count,
					  const struct address *choice)
{
	struct ifaddrs *interfaces = NULL;
	struct address source = {0};
	if (getifaddrs(&interfaces) != 0)
		return source;
	const struct ifaddrs *wanted = entry_of(interfaces, choice);
	for (size_t i = 0; i < listen_count && wanted != NULL && !address_is_known(&source); i++) {
		const struct ifaddrs *own =
			listen[i].family == choice->family ? entry_of(interfaces, &listen[i]) : NULL;
		if (own != NULL && strcmp(own->ifa_name, wanted->ifa_name) == 0 &&
		    is_in_the_same_subnet(wanted, &listen[i], choice))
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
	return address_is_known(&choice) ? in_the_same_network(listen, listen_count, &choice) : choice;
}

/* What the kernel says of this machine's use of an address. 0 or an errno. */
static int try_to_use(const struct address *address)
{
	struct address any_port = *address;
	struct sockaddr_storage socket_address;
	any_port.port = 0;
	socklen_t length = address_to_socket(&any_port, &socket_address);
	int fd = socket(socket_address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	int error = bind(fd, (struct sockaddr *)&socket_address, length) == 0 ? 0 : errno;
	close(fd);
	return error;
}

bool route_host_is_gone(const struct address *address)
{
	return try_to_use(address) == EADDRNOTAVAIL;
}

/* FNV-1a, 64 bits: nobody gains by a collision here. */
static void mix(uint64_t *hash, const void *bytes, size_t length)
{
	for (const unsigned char *byte = bytes; length > 0; byte++, length--)
		*hash = (*hash ^ *byte) * 0x100000001b3;
}

static void mix_interfaces(uint64_t *hash)
{
	struct ifaddrs *interfaces = NULL;
	if (getifaddrs(&interfaces) != 0)
		return;
	for (const struct ifaddrs *one = interfaces; one != NULL; one = one->ifa_next) {
		unsigned flags = one->ifa_flags & (IFF_UP | IFF_RUNNING);
		struct address address;
		if (!read_socket_address(one->ifa_addr, &address))
			address = (struct address){0};
		mix(hash, one->ifa_name, strlen(one->ifa_name));
		mix(hash, &flags, sizeof flags);
		mix(hash, address.host, sizeof address.host);
	}
	freeifaddrs(interfaces);
}

uint64_t route_fingerprint(void)
{
	/* Of documentation (RFC 5737, RFC 3849), so that the default routes answer for them. */
	static const char *const far[] = {"192.0.2.1:9", "[2001:db8::1]:9"};
	uint64_t hash = 0xcbf29ce484222325;
	mix_interfaces(&hash);
	for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
		struct address target, choice = {0};
		if (address_parse(far[i], &target))
			choice = kernels_choice(&target);
		mix(&hash, choice.host, sizeof choice.host);
	}
	return hash;
}
