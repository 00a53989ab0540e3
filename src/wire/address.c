#include "wire/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static void set_ipv6(struct address *address, const uint8_t host[static 16])
{
	if (memcmp(host, mapped_prefix, sizeof mapped_prefix) == 0) {
		address->family = ADDRESS_IPV4;
		memcpy(address->host, host + sizeof mapped_prefix, 4);
	} else {
		address->family = ADDRESS_IPV6;
		memcpy(address->host, host, 16);
	}
}

static bool parse_port(const char *text, uint16_t *port)
{
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 5 || text[digits] != '\0')
		return false;
	long value = strtol(text, NULL, 10);
	if (value > 65535)
		return false;
	*port = (uint16_t)value;
	return true;
}

/* Finds the host in "host[:port]"; *port_text is NULL where there is none. */
static bool split(const char *text, const char **host, size_t *host_length, const char **port_text)
{
	const char *after;
	if (text[0] == '[') {
		const char *end = strchr(text, ']');
		if (end == NULL)
			return false;
		*host = text + 1;
		*host_length = (size_t)(end - *host);
		after = end + 1;
		if (memchr(*host, ':', *host_length) == NULL)
			return false;
	} else {
		*host = text;
		*host_length = strcspn(text, ":");
		after = text + *host_length;
	}
	if (*host_length == 0 || (*after != '\0' && *after != ':'))
		return false;
	*port_text = *after == ':' ? after + 1 : NULL;
	return *port_text == NULL || strpbrk(*port_text, ":]") == NULL;
}

bool address_from_host(const char *host, uint16_t port, struct address *address)
{
	uint8_t bytes[16];
	memset(address, 0, sizeof *address);
	address->port = port;
	if (inet_pton(AF_INET, host, address->host) == 1) {
		address->family = ADDRESS_IPV4;
		return true;
	}
	if (inet_pton(AF_INET6, host, bytes) != 1)
		return false;
	set_ipv6(address, bytes);
	return true;
}

bool address_split(const char *text, char *host, size_t host_bytes, uint16_t *port)
{
	const char *start, *port_text;
	size_t length;
	if (!split(text, &start, &length, &port_text) || length >= host_bytes)
		return false;
	memcpy(host, start, length);
	host[length] = '\0';
	*port = ADDRESS_DEFAULT_PORT;
	return port_text == NULL || parse_port(port_text, port);
}

bool address_parse(const char *text, struct address *address)
{
	char host[INET6_ADDRSTRLEN];
	const char *start, *port_text;
	size_t length;
	uint16_t port;
	if (!split(text, &start, &length, &port_text) || port_text == NULL || length >= sizeof host ||
	    !parse_port(port_text, &port))
		return false;
	memcpy(host, start, length);
	host[length] = '\0';
	return address_from_host(host, port, address);
}

void address_format_host(const struct address *address, char out[static ADDRESS_TEXT_BYTES])
{
	bool is_ipv6 = address->family == ADDRESS_IPV6;
	if (address->family == ADDRESS_NONE)
		strcpy(out, "-");
	else
		must(inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, address->host, out, ADDRESS_TEXT_BYTES) != NULL);
}

void address_format(const struct address *address, char out[static ADDRESS_TEXT_BYTES])
{
	char host[ADDRESS_TEXT_BYTES];
	bool is_ipv6 = address->family == ADDRESS_IPV6;
	if (address->family == ADDRESS_NONE) {
		strcpy(out, "-");
		return;
	}
	address_format_host(address, host);
	snprintf(out, ADDRESS_TEXT_BYTES, is_ipv6 ? "[%s]:%u" : "%s:%u", host, (unsigned)address->port);
}

bool address_from_socket(const struct sockaddr_storage *from, struct address *address)
{
	memset(address, 0, sizeof *address);
	if (from->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)from;
		address->family = ADDRESS_IPV4;
		address->port = ntohs(in->sin_port);
		memcpy(address->host, &in->sin_addr, 4);
		return true;
	}
	if (from->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
		address->port = ntohs(in6->sin6_port);
		set_ipv6(address, in6->sin6_addr.s6_addr);
		return true;
	}
	return false;
}

socklen_t address_to_socket(const struct address *address, struct sockaddr_storage *to)
{
	memset(to, 0, sizeof *to);
	if (address->family == ADDRESS_IPV6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(address->port);
		memcpy(&in6->sin6_addr, address->host, 16);
		return sizeof *in6;
	}
	struct sockaddr_in *in = (struct sockaddr_in *)to;
	in->sin_family = AF_INET;
	in->sin_port = htons(address->port);
	memcpy(&in->sin_addr, address->host, 4);
	return sizeof *in;
}

bool address_equals(const struct address *one, const struct address *other)
{
	return one->port == other->port && address_same_host(one, other);
}

int address_compare(const struct address *one, const struct address *other)
{
	return memcmp(one, other, sizeof *one);
}

bool address_same_host(const struct address *one, const struct address *other)
{
	return one->family == other->family && memcmp(one->host, other->host, sizeof one->host) == 0;
}

bool address_is_known(const struct address *address)
{
	return address->family != ADDRESS_NONE;
}

bool address_is_wildcard(const struct address *address)
{
	static const uint8_t zero[16];
	return memcmp(address->host, zero, sizeof zero) == 0;
}

static bool is_link_local(const struct address *address)
{
	return address->family == ADDRESS_IPV6 && address->host[0] == 0xfe && (address->host[1] & 0xc0) == 0x80;
}

enum address_scope address_scope_of(const struct address *address)
{
	const uint8_t *host = address->host;
	if (address->family == ADDRESS_IPV6) {
		static const uint8_t loopback[16] = {[15] = 1};
		if (memcmp(host, loopback, sizeof loopback) == 0)
			return SCOPE_LOOPBACK;
		bool is_unique_local = (host[0] & 0xfe) == 0xfc;
		return is_link_local(address) || is_unique_local ? SCOPE_PRIVATE : SCOPE_GLOBAL;
	}
	if (host[0] == 127)
		return SCOPE_LOOPBACK;
	if (host[0] == 10 || (host[0] == 172 && (host[1] & 0xf0) == 16) || (host[0] == 192 && host[1] == 168) ||
	    (host[0] == 169 && host[1] == 254) || (host[0] == 100 && (host[1] & 0xc0) == 64))
		return SCOPE_PRIVATE;
	return SCOPE_GLOBAL;
}

bool address_is_dialable(const struct address *address)
{
	if (address->port == 0 || address_is_wildcard(address))
		return false;
	if (address->family == ADDRESS_IPV6)
		return address->host[0] != 0xff;
	static const uint8_t broadcast[4] = {255, 255, 255, 255};
	return (address->host[0] & 0xf0) != 0xe0 && memcmp(address->host, broadcast, sizeof broadcast) != 0;
}

bool address_may_travel(const struct address *address, const struct address *one_end, const struct address *other_end)
{
	enum address_scope scope = address_scope_of(address);
	enum address_scope one = address_scope_of(one_end), other = address_scope_of(other_end);
	enum address_scope widest = one > other ? one : other;
	return scope == SCOPE_GLOBAL || (scope == SCOPE_PRIVATE ? widest != SCOPE_GLOBAL : widest == SCOPE_LOOPBACK);
}

uint64_t address_group(const struct address *address)
{
	uint64_t group = address->family;
	size_t bytes = address->family == ADDRESS_NONE ? 0 : address->family == ADDRESS_IPV4 ? 2 : 4;
	for (size_t i = 0; i < bytes; i++)
		group = group << 8 | address->host[i];
	return group;
}

/* Clears what is beyond the prefix; true if something was set there. */
static bool clear_beyond(uint8_t host[static 16], unsigned prefix_bits)
{
	bool was_set = false;
	for (unsigned i = prefix_bits / 8; i < 16; i++) {
		unsigned kept = i == prefix_bits / 8 ? (0xff00U >> prefix_bits % 8) & 0xffU : 0;
		was_set = was_set || (host[i] & ~kept) != 0;
		host[i] = (uint8_t)(host[i] & kept);
	}
	return was_set;
}

struct address address_host(const struct address *address)
{
	struct address host = *address;
	host.port = 0;
	return host;
}

static struct address first_of(const struct address *address, unsigned bits_of_ipv4, unsigned bits_of_ipv6)
{
	struct address first = {.family = address->family};
	memcpy(first.host, address->host, (address->family == ADDRESS_IPV4 ? bits_of_ipv4 : bits_of_ipv6) / 8);
	return first;
}

struct address address_subnet(const struct address *address)
{
	return first_of(address, 24, 56);
}

struct address address_network(const struct address *address)
{
	return first_of(address, 16, 32);
}

struct address address_source(const struct address *address)
{
	if (address_scope_of(address) == SCOPE_LOOPBACK || is_link_local(address))
		return address_host(address);
	return first_of(address, 32, 64);
}

struct address address_site(const struct address *address)
{
	return first_of(address, 24, 48);
}

/* ---- blocks ---- */

static unsigned host_bits(const struct address *address)
{
	return address->family == ADDRESS_IPV4 ? 32 : 128;
}

enum address_block_result address_block_parse(const char *text, struct address_block *block)
{
	char host[INET6_ADDRSTRLEN];
	size_t length = strcspn(text, "/");
	uint16_t prefix_bits;
	if (length >= sizeof host)
		return ADDRESS_BLOCK_BAD;
	memcpy(host, text, length);
	host[length] = '\0';
	if (!address_from_host(host, 0, &block->base))
		return ADDRESS_BLOCK_BAD;
	block->prefix_bits = host_bits(&block->base);
	if (text[length] == '\0')
		return ADDRESS_BLOCK_GOOD;
	/* A prefix is written like a port. */
	if (!parse_port(text + length + 1, &prefix_bits) || prefix_bits > block->prefix_bits)
		return ADDRESS_BLOCK_BAD;
	block->prefix_bits = prefix_bits;
	return clear_beyond(block->base.host, prefix_bits) ? ADDRESS_BLOCK_HAS_HOST_BITS : ADDRESS_BLOCK_GOOD;
}

void address_block_format(const struct address_block *block, char out[static ADDRESS_BLOCK_TEXT_BYTES])
{
	bool is_ipv6 = block->base.family == ADDRESS_IPV6;
	must(inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, block->base.host, out, INET6_ADDRSTRLEN) != NULL);
	size_t used = strlen(out);
	snprintf(out + used, ADDRESS_BLOCK_TEXT_BYTES - used, "/%u", block->prefix_bits);
}

bool address_block_holds(const struct address_block *block, const struct address *address)
{
	struct address masked = *address;
	clear_beyond(masked.host, block->prefix_bits);
	return address_same_host(&masked, &block->base);
}
