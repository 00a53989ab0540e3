/*
 * An address: a numeric host and a port, IPv4 or IPv6. A plain value, comparable with address_equals, usable as the key
 * of a hash table (all its bytes count). IPv4-mapped IPv6 addresses become IPv4 wherever an address is made.
 */
#ifndef KITH_ADDRESS_H
#define KITH_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535" and its NUL. */
enum { ADDRESS_TEXT_BYTES = INET6_ADDRSTRLEN + 8 };

/* The port of an address that is given without one. */
enum { ADDRESS_DEFAULT_PORT = 5999 };

enum address_family {
	ADDRESS_NONE, /* no address: what a zeroed struct is */
	ADDRESS_IPV4,
	ADDRESS_IPV6,
};

struct address {
	uint8_t host[16]; /* IPv4 has the first four */
	uint16_t port;
	uint16_t family;
};

/* Where an address means the same machine. */
enum address_scope {
	SCOPE_LOOPBACK, /* 127/8, ::1 */
	SCOPE_PRIVATE,	/* RFC 1918, link-local (RFC 3927, RFC 4291), shared (RFC 6598), unique local (RFC 4193) */
	SCOPE_GLOBAL,
};

/* "host:port" with a numeric host, IPv6 in brackets. False for anything else: a name, a zone, a missing port. */
bool address_parse(const char *text, struct address *address);

/*
 * Splits "host[:port]" where the host may be a name, and an IPv6 host is in brackets. Without a port it gets the
 * default one. False for another form, or if the host does not fit into host_bytes.
 */
bool address_split(const char *text, char *host, size_t host_bytes, uint16_t *port);
/* A numeric host without brackets, with a port. */
bool address_from_host(const char *host, uint16_t port, struct address *address);

void address_format(const struct address *address, char out[static ADDRESS_TEXT_BYTES]);
/* The host alone, without brackets. */
void address_format_host(const struct address *address, char out[static ADDRESS_TEXT_BYTES]);

/* False for a family that isn't IP. */
bool address_from_socket(const struct sockaddr_storage *from, struct address *address);
socklen_t address_to_socket(const struct address *address, struct sockaddr_storage *to);

bool address_equals(const struct address *one, const struct address *other);
/* An order that means nothing. */
int address_compare(const struct address *one, const struct address *other);
bool address_same_host(const struct address *one, const struct address *other);
bool address_is_known(const struct address *address);
bool address_is_wildcard(const struct address *address);
enum address_scope address_scope_of(const struct address *address);
/* Can a node listen there? Not on port 0, and not at the unspecified, a multicast or the broadcast address. */
bool address_is_dialable(const struct address *address);

/*
 * May an address of this scope be told over a connection between these two ends? A loopback address only means
 * something to the same machine, a private one only inside.
 */
bool address_may_travel(const struct address *address, const struct address *one_end, const struct address *other_end);

/*
 * The network that the host is in, as Bitcoin Core groups addresses: what one party can easily have many of. The /16 of
 * IPv4, loopback included, the /32 of IPv6; 0 for no address.
 */
uint64_t address_group(const struct address *address);
/* The same host, without a port. */
struct address address_host(const struct address *address);
/* The first address, without a port, of the network whose connections are counted together: of the /24 of IPv4, or of
 * the /56 of IPv6, which is what one customer of a provider has (RIPE-690). */
struct address address_subnet(const struct address *address);

/* The same for the networks that address_group tells apart. */
struct address address_network(const struct address *address);

/*
 * What counts as one host when something is counted against those that caused it: the IPv4 address, or the /64 of IPv6,
 * of which one machine can use every address (RFC 4291, RFC 8981). ::1, and a link-local address, whose /64 is
 * everybody on the link, count alone.
 */
struct address address_source(const struct address *address);
/* The network around that one: the /24 of IPv4; the /48 of IPv6, which is the most that one site has (RFC 6177). */
struct address address_site(const struct address *address);

/* Hosts that share the first bits of their address: a CIDR block (RFC 4632). */
struct address_block {
	struct address base; /* without a port, and no bit set beyond the prefix */
	unsigned prefix_bits;
};

enum { ADDRESS_BLOCK_TEXT_BYTES = INET6_ADDRSTRLEN + 4 };

enum address_block_result {
	ADDRESS_BLOCK_GOOD,
	ADDRESS_BLOCK_HAS_HOST_BITS, /* block is then the one that was probably meant */
	ADDRESS_BLOCK_BAD,
};

/* "10.0.0.0/8", "fe80::/10", or a numeric host alone. */
enum address_block_result address_block_parse(const char *text, struct address_block *block);
void address_block_format(const struct address_block *block, char out[static ADDRESS_BLOCK_TEXT_BYTES]);
bool address_block_holds(const struct address_block *block, const struct address *address);

#endif
