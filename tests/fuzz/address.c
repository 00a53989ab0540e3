/*
 * Text to addresses and back: what is read is written so that it is read as the same, in its one form, and no IPv4
 * address is left as IPv6. The input is a text; where it begins with a NUL, what follows are the bytes of a socket
 * address: 4 or 16 of the host, and two of the port.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "wire/address.h"

static void check_address(const struct address *address)
{
	static const uint8_t zero[16], mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};
	struct address again;
	struct sockaddr_storage socket_address;
	char text[ADDRESS_TEXT_BYTES], text_again[ADDRESS_TEXT_BYTES], host[ADDRESS_TEXT_BYTES];
	uint16_t port;

	must(address->family == ADDRESS_IPV4 || address->family == ADDRESS_IPV6);
	if (address->family == ADDRESS_IPV4)
		must(memcmp(address->host + 4, zero, 12) == 0);
	else
		must(memcmp(address->host, mapped_prefix, sizeof mapped_prefix) != 0);

	address_format(address, text);
	must(address_parse(text, &again) && memcmp(address, &again, sizeof again) == 0);
	must(address_equals(address, &again) && memcmp(address, &again, sizeof again) == 0);
	address_format(&again, text_again);
	must(strcmp(text, text_again) == 0);

	must(address_split(text, host, sizeof host, &port) && address_from_host(host, port, &again));
	must(address_equals(address, &again));

	must(address_to_socket(address, &socket_address) > 0 && address_from_socket(&socket_address, &again));
	must(memcmp(address, &again, sizeof again) == 0);

	/* What may travel furthest may travel wherever the other may. */
	bool may_travel = address_may_travel(address, address, address);
	must(may_travel);
	must(address_scope_of(address) != SCOPE_GLOBAL || address_group(address) != 0);
	/* The host and the network that it is counted with are the same for each of its ports. */
	struct address alone = address_host(address), subnet = address_subnet(address),
		       of_alone = address_subnet(&alone);
	must(alone.port == 0 && address_same_host(&alone, address));
	must(subnet.port == 0 && address_equals(&subnet, &of_alone));
	must(!address_is_dialable(address) || (address->port != 0 && !address_is_wildcard(address)));
}

static void check_socket(const uint8_t *bytes, size_t length)
{
	struct sockaddr_storage from = {0};
	struct address address;
	if (length == 6) {
		struct sockaddr_in *in = (struct sockaddr_in *)&from;
		in->sin_family = AF_INET;
		memcpy(&in->sin_addr, bytes, 4);
		memcpy(&in->sin_port, bytes + 4, 2);
	} else if (length == 18) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&from;
		in6->sin6_family = AF_INET6;
		memcpy(&in6->sin6_addr, bytes, 16);
		memcpy(&in6->sin6_port, bytes + 16, 2);
	}
	bool is_ip = address_from_socket(&from, &address);
	must(is_ip == (length == 6 || length == 18));
	if (is_ip)
		check_address(&address);
}

/* A block, or the one that was probably meant, is written so that it is read as the same; and it holds its first host.
 */
static void check_block(const char *text)
{
	struct address_block block, again;
	char written[ADDRESS_BLOCK_TEXT_BYTES];
	enum address_block_result result = address_block_parse(text, &block);
	if (result == ADDRESS_BLOCK_BAD)
		return;
	must(block.prefix_bits <= (block.base.family == ADDRESS_IPV4 ? 32 : 128) && block.base.port == 0);
	address_block_format(&block, written);
	must(address_block_parse(written, &again) == ADDRESS_BLOCK_GOOD);
	must(address_equals(&block.base, &again.base) && block.prefix_bits == again.prefix_bits);
	must(address_block_holds(&block, &block.base));
}

static void check_text(const char *text)
{
	struct address address, other;
	char host[300];
	uint16_t port;
	bool splits = address_split(text, host, sizeof host, &port);
	bool parses = address_parse(text, &address);

	if (parses) {
		check_address(&address);
		must(splits && address_from_host(host, port, &other) && address_equals(&address, &other));
	}
	if (splits) {
		/* A host that is only just too long for the room is none. */
		must(host[0] != '\0' && strlen(host) < sizeof host);
		char *tight = malloc(strlen(host) + 1);
		must(tight != NULL);
		must(address_split(text, tight, strlen(host) + 1, &port) && strcmp(tight, host) == 0);
		must(!address_split(text, tight, strlen(host), &port));
		free(tight);
	}
	if (address_from_host(text, ADDRESS_DEFAULT_PORT, &address))
		check_address(&address);
	check_block(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length > 0 && bytes[0] == '\0') {
		check_socket(bytes + 1, length - 1);
		return 0;
	}
	char *text = malloc(length + 1);
	must(text != NULL);
	memcpy(text, bytes, length);
	text[length] = '\0';
	check_text(text);
	free(text);
	return 0;
}
