#include "wire/address.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include "runner.h"
#include "unit/suites.h"

static struct address parsed(const char *text)
{
	struct address address = {0};
	EXPECT(address_parse(text, &address), "%s", text);
	return address;
}

static void a_good_address_is_understood_and_written_in_one_form(void)
{
	static const struct {
		const char *text;
		const char *formatted;
	} cases[] = {
		{"127.0.0.1:5999", "127.0.0.1:5999"},
		{"0.0.0.0:0", "0.0.0.0:0"},
		{"255.255.255.255:65535", "255.255.255.255:65535"},
		{"10.1.2.3:1", "10.1.2.3:1"},
		{"10.1.2.3:05999", "10.1.2.3:5999"},
		{"[::1]:5999", "[::1]:5999"},
		{"[::]:0", "[::]:0"},
		{"[2001:DB8::A]:80", "[2001:db8::a]:80"},
		{"[2001:0db8:0000:0000:0000:0000:0000:000a]:80", "[2001:db8::a]:80"},
		{"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
		{"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535",
		 "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
		{"[64:ff9b::192.0.2.1]:1", "[64:ff9b::c000:201]:1"},
		{"[::ffff:10.0.0.7]:5999", "10.0.0.7:5999"},
		{"[::FFFF:a00:7]:5999", "10.0.0.7:5999"},
		{"[0:0:0:0:0:ffff:10.0.0.7]:5999", "10.0.0.7:5999"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address address, again;
		char text[ADDRESS_TEXT_BYTES];
		if (!EXPECT(address_parse(cases[i].text, &address), "%s", cases[i].text))
			continue;
		address_format(&address, text);
		EXPECT(strcmp(text, cases[i].formatted) == 0, "%s: %s", cases[i].text, text);
		EXPECT(address_is_known(&address), "%s", cases[i].text);
		EXPECT(address_parse(text, &again) && address_equals(&address, &again), "%s", cases[i].text);
	}
}

static void what_is_not_a_numeric_host_with_a_port_is_refused(void)
{
	static const char *const cases[] = {
		"",
		":",
		"127.0.0.1",
		"127.0.0.1:",
		":5999",
		"5999",
		"127.0.0.1:65536",
		"127.0.0.1:99999",
		"127.0.0.1:100000",
		"127.0.0.1:4294973295",
		"127.0.0.1:18446744073709557615",
		"127.0.0.1:-1",
		"127.0.0.1:+5999",
		"127.0.0.1: 5999",
		"127.0.0.1:5999 ",
		"127.0.0.1:5999\n",
		"127.0.0.1:0x50",
		"127.0.0.1:59.99",
		"127.0.0.1:http",
		"127.0.0.1:5999x",
		"127.0.0.1:5999:",
		"127.0.0.1:5999:5999",
		"127.0.0.1:5999]",
		" 127.0.0.1:5999",
		"127.0.0.1 :5999",
		"localhost:5999",
		"node.example:5999",
		"1.2.3:80",
		"1.2.3.4.5:80",
		"256.1.1.1:80",
		"1.2.3.-4:80",
		"0x7f.0.0.1:80",
		"010.0.0.1:80",
		"2130706433:80",
		"*:80",
		"::1:5999",
		"::1",
		"2001:db8::7:5999",
		"[::1]",
		"[::1]:",
		"[::1]5999",
		"[::1] :5999",
		"[::1]:65536",
		"[::1]:-1",
		"[::1]:5999:1",
		"[::1]]:5999",
		"[[::1]]:5999",
		"[::1:5999",
		"::1]:5999",
		"[]:5999",
		"[",
		"]",
		"[]",
		"[127.0.0.1]:5999",
		"[localhost]:5999",
		"[:::1]:5999",
		"[1:2:3:4:5:6:7]:5999",
		"[1:2:3:4:5:6:7:8:9]:5999",
		"[12345::1]:5999",
		"[g::1]:5999",
		"[::1%lo]:5999",
		"[fe80::1%eth0]:5999",
		"[fe80::1%1]:5999",
		"fe80::1%eth0:5999",
		"127.0.0.1%lo:5999",
		"[0000:0000:0000:0000:0000:ffff:0000:0000:255.255.255.255]:5999",
		"111111111111111111111111111111111111111111111111111111111111111111111111:5999",
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address address;
		EXPECT(!address_parse(cases[i], &address), "\"%s\"", cases[i]);
	}
}

static void no_address_is_written_as_a_dash(void)
{
	struct address none = {0};
	char text[ADDRESS_TEXT_BYTES];
	address_format(&none, text);
	CU_ASSERT_STRING_EQUAL(text, "-");
	CU_ASSERT_FALSE(address_is_known(&none));
	CU_ASSERT_FALSE(address_is_dialable(&none));
}

static void a_host_with_or_without_a_port_is_split(void)
{
	static const struct {
		const char *text;
		const char *host; /* NULL: refused */
		uint16_t port;
	} cases[] = {
		{"node.example", "node.example", ADDRESS_DEFAULT_PORT},
		{"node.example:80", "node.example", 80},
		{"a", "a", ADDRESS_DEFAULT_PORT},
		{"127.0.0.1", "127.0.0.1", ADDRESS_DEFAULT_PORT},
		{"127.0.0.1:0", "127.0.0.1", 0},
		{"127.0.0.1:65535", "127.0.0.1", 65535},
		{"[::1]", "::1", ADDRESS_DEFAULT_PORT},
		{"[::1]:1", "::1", 1},
		{"12345678901234567890123456789ab", "12345678901234567890123456789ab", ADDRESS_DEFAULT_PORT},
		{"12345678901234567890123456789abc", NULL, 0},
		{"", NULL, 0},
		{":80", NULL, 0},
		{"node.example:", NULL, 0},
		{"node.example:65536", NULL, 0},
		{"node.example:-1", NULL, 0},
		{"node.example:http", NULL, 0},
		{"node.example:80:80", NULL, 0},
		{"::1", NULL, 0},
		{"2001:db8::7", NULL, 0},
		{"[::1", NULL, 0},
		{"[::1]80", NULL, 0},
		{"[::1]:", NULL, 0},
		{"[]:80", NULL, 0},
		{"[node.example]:80", NULL, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char host[32] = "";
		uint16_t port = 0;
		bool good = address_split(cases[i].text, host, sizeof host, &port);
		EXPECT(good == (cases[i].host != NULL), "\"%s\"", cases[i].text);
		if (good && cases[i].host != NULL) {
			EXPECT(strcmp(host, cases[i].host) == 0, "%s: %s", cases[i].text, host);
			EXPECT(port == cases[i].port, "%s: %u", cases[i].text, (unsigned)port);
		}
	}
}

static void a_numeric_host_becomes_an_address(void)
{
	static const struct {
		const char *host;
		const char *formatted; /* NULL: refused */
	} cases[] = {
		{"127.0.0.1", "127.0.0.1:7"},
		{"::1", "[::1]:7"},
		{"::ffff:10.0.0.7", "10.0.0.7:7"},
		{"localhost", NULL},
		{"", NULL},
		{"[::1]", NULL},
		{"fe80::1%lo", NULL},
		{"127.0.0.1:5999", NULL},
		{"127.1", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address address;
		char text[ADDRESS_TEXT_BYTES];
		bool good = address_from_host(cases[i].host, 7, &address);
		EXPECT(good == (cases[i].formatted != NULL), "\"%s\"", cases[i].host);
		if (good && cases[i].formatted != NULL) {
			address_format(&address, text);
			EXPECT(strcmp(text, cases[i].formatted) == 0, "%s: %s", cases[i].host, text);
		}
	}
}

static void an_address_survives_its_socket_form(void)
{
	static const struct {
		const char *text;
		sa_family_t family;
		socklen_t length;
	} cases[] = {
		{"127.0.0.1:5999", AF_INET, sizeof(struct sockaddr_in)},
		{"0.0.0.0:0", AF_INET, sizeof(struct sockaddr_in)},
		{"[::1]:5999", AF_INET6, sizeof(struct sockaddr_in6)},
		{"[2001:db8::7]:65535", AF_INET6, sizeof(struct sockaddr_in6)},
		{"[::ffff:10.0.0.7]:5999", AF_INET, sizeof(struct sockaddr_in)},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address address = parsed(cases[i].text), again;
		struct sockaddr_storage storage;
		memset(&storage, 0xff, sizeof storage);
		EXPECT(address_to_socket(&address, &storage) == cases[i].length, "%s", cases[i].text);
		EXPECT(storage.ss_family == cases[i].family, "%s", cases[i].text);
		if (storage.ss_family == AF_INET6) {
			const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&storage;
			EXPECT(in6->sin6_scope_id == 0 && in6->sin6_flowinfo == 0, "%s", cases[i].text);
		}
		EXPECT(address_from_socket(&storage, &again), "%s", cases[i].text);
		EXPECT(address_equals(&address, &again), "%s", cases[i].text);
		EXPECT(memcmp(&address, &again, sizeof again) == 0, "%s", cases[i].text);
	}
}

static void an_ipv4_peer_of_an_ipv6_socket_is_an_ipv4_peer(void)
{
	struct sockaddr_storage storage = {0};
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&storage;
	struct address address, plain = parsed("10.0.0.7:5999");
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(5999);
	CU_ASSERT_EQUAL_FATAL(inet_pton(AF_INET6, "::ffff:10.0.0.7", &in6->sin6_addr), 1);
	CU_ASSERT(address_from_socket(&storage, &address));
	CU_ASSERT(address_equals(&address, &plain));
	CU_ASSERT_EQUAL(memcmp(&address, &plain, sizeof plain), 0);
}

static void a_socket_that_is_not_ip_has_no_address(void)
{
	static const sa_family_t families[] = {AF_UNSPEC, AF_UNIX};
	for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
		struct sockaddr_storage storage = {.ss_family = families[i]};
		struct address address;
		EXPECT(!address_from_socket(&storage, &address), "family %d", families[i]);
	}
}

static void addresses_are_compared_by_host_and_port(void)
{
	static const struct {
		const char *one;
		const char *other;
		bool same_host;
		bool equals;
	} cases[] = {
		{"127.0.0.1:5999", "127.0.0.1:5999", true, true},
		{"127.0.0.1:5999", "127.0.0.1:5998", true, false},
		{"127.0.0.1:5999", "127.0.0.2:5999", false, false},
		{"127.0.0.1:5999", "[::1]:5999", false, false},
		{"[::1]:5999", "[0::0:1]:5999", true, true},
		{"[::1]:5999", "[::1]:1", true, false},
		{"[2001:db8::a]:5999", "[2001:DB8::A]:5999", true, true},
		{"[2001:db8::a]:5999", "[2001:db8::b]:5999", false, false},
		{"[::ffff:127.0.0.1]:5999", "127.0.0.1:5999", true, true},
		{"0.0.0.0:5999", "[::]:5999", false, false},
		{"127.0.0.1:5999", "[7f00:1::]:5999", false, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address one = parsed(cases[i].one), other = parsed(cases[i].other);
		EXPECT(address_same_host(&one, &other) == cases[i].same_host, "%s, %s", cases[i].one, cases[i].other);
		EXPECT(address_same_host(&other, &one) == cases[i].same_host, "%s, %s", cases[i].one, cases[i].other);
		EXPECT(address_equals(&one, &other) == cases[i].equals, "%s, %s", cases[i].one, cases[i].other);
		EXPECT(address_equals(&other, &one) == cases[i].equals, "%s, %s", cases[i].one, cases[i].other);
		EXPECT((memcmp(&one, &other, sizeof one) == 0) == cases[i].equals, "%s, %s", cases[i].one,
		       cases[i].other);
	}
}

static void each_host_has_its_scope(void)
{
	static const struct {
		const char *text;
		enum address_scope scope;
	} cases[] = {
		{"126.255.255.255:1", SCOPE_GLOBAL},
		{"127.0.0.0:1", SCOPE_LOOPBACK},
		{"127.255.255.255:1", SCOPE_LOOPBACK},
		{"128.0.0.0:1", SCOPE_GLOBAL},
		{"9.255.255.255:1", SCOPE_GLOBAL},
		{"10.0.0.0:1", SCOPE_PRIVATE},
		{"10.255.255.255:1", SCOPE_PRIVATE},
		{"11.0.0.0:1", SCOPE_GLOBAL},
		{"172.15.255.255:1", SCOPE_GLOBAL},
		{"172.16.0.0:1", SCOPE_PRIVATE},
		{"172.31.255.255:1", SCOPE_PRIVATE},
		{"172.32.0.0:1", SCOPE_GLOBAL},
		{"192.167.255.255:1", SCOPE_GLOBAL},
		{"192.168.0.0:1", SCOPE_PRIVATE},
		{"192.168.255.255:1", SCOPE_PRIVATE},
		{"192.169.0.0:1", SCOPE_GLOBAL},
		{"169.253.255.255:1", SCOPE_GLOBAL},
		{"169.254.0.0:1", SCOPE_PRIVATE},
		{"169.254.255.255:1", SCOPE_PRIVATE},
		{"169.255.0.0:1", SCOPE_GLOBAL},
		{"100.63.255.255:1", SCOPE_GLOBAL},
		{"100.64.0.0:1", SCOPE_PRIVATE},
		{"100.127.255.255:1", SCOPE_PRIVATE},
		{"100.128.0.0:1", SCOPE_GLOBAL},
		{"8.8.8.8:1", SCOPE_GLOBAL},
		{"192.0.2.7:1", SCOPE_GLOBAL},
		{"[::1]:1", SCOPE_LOOPBACK},
		{"[::2]:1", SCOPE_GLOBAL},
		{"[1::1]:1", SCOPE_GLOBAL},
		{"[::ffff:127.0.0.1]:1", SCOPE_LOOPBACK},
		{"[::ffff:10.0.0.1]:1", SCOPE_PRIVATE},
		{"[::ffff:8.8.8.8]:1", SCOPE_GLOBAL},
		{"[fe7f:ffff::1]:1", SCOPE_GLOBAL},
		{"[fe80::]:1", SCOPE_PRIVATE},
		{"[febf:ffff::1]:1", SCOPE_PRIVATE},
		{"[fec0::1]:1", SCOPE_GLOBAL},
		{"[fbff:ffff::1]:1", SCOPE_GLOBAL},
		{"[fc00::]:1", SCOPE_PRIVATE},
		{"[fdff:ffff::1]:1", SCOPE_PRIVATE},
		{"[fe00::1]:1", SCOPE_GLOBAL},
		{"[2001:db8::7]:1", SCOPE_GLOBAL},
		{"[7f00::1]:1", SCOPE_GLOBAL},
		{"[a00::1]:1", SCOPE_GLOBAL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address address = parsed(cases[i].text);
		EXPECT(address_scope_of(&address) == cases[i].scope, "%s", cases[i].text);
	}
}

static void only_where_a_node_could_listen_is_dialled(void)
{
	static const struct {
		const char *text;
		bool is_dialable;
	} cases[] = {
		{"127.0.0.1:5999", true},
		{"127.0.0.1:1", true},
		{"127.0.0.1:65535", true},
		{"10.0.0.7:5999", true},
		{"223.255.255.255:5999", true},
		{"240.0.0.1:5999", true},
		{"255.255.255.254:5999", true},
		{"[::1]:5999", true},
		{"[fe80::1]:5999", true},
		{"[2001:db8::7]:5999", true},
		{"[feff::1]:5999", true},
		{"[e000::1]:5999", true},
		{"127.0.0.1:0", false},
		{"[::1]:0", false},
		{"0.0.0.0:5999", false},
		{"0.1.2.3:5999", true},
		{"[::]:5999", false},
		{"[::ffff:0.0.0.0]:5999", false},
		{"224.0.0.1:5999", false},
		{"239.255.255.255:5999", false},
		{"255.255.255.255:5999", false},
		{"[ff02::1]:5999", false},
		{"[ffff::1]:5999", false},
		{"[::ffff:224.0.0.1]:5999", false},
		{"[::ffff:255.255.255.255]:1", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address address = parsed(cases[i].text);
		EXPECT(address_is_dialable(&address) == cases[i].is_dialable, "%s", cases[i].text);
	}
}

static void the_unspecified_hosts_are_wildcards(void)
{
	static const struct {
		const char *text;
		bool is_wildcard;
	} cases[] = {
		{"0.0.0.0:5999", true},		 {"0.0.0.0:0", true},	  {"[::]:5999", true},
		{"[::ffff:0.0.0.0]:5999", true}, {"0.0.0.1:5999", false}, {"127.0.0.1:5999", false},
		{"[::1]:5999", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address address = parsed(cases[i].text);
		EXPECT(address_is_wildcard(&address) == cases[i].is_wildcard, "%s", cases[i].text);
	}
}

static void an_address_travels_only_where_it_means_the_same_machine(void)
{
	static const struct {
		const char *one_end;
		const char *other_end;
		bool loopback, private, global; /* which addresses may travel between these ends */
	} cases[] = {
		{"127.0.0.1:1", "127.0.0.2:2", true, true, true},
		{"[::1]:1", "[::1]:2", true, true, true},
		{"127.0.0.1:1", "[::1]:2", true, true, true},
		{"127.0.0.1:1", "10.0.0.1:2", false, true, true},
		{"10.0.0.1:1", "192.168.7.7:2", false, true, true},
		{"[fe80::1]:1", "[fd00::1]:2", false, true, true},
		{"100.64.0.1:1", "169.254.0.1:2", false, true, true},
		{"127.0.0.1:1", "192.0.2.7:2", false, false, true},
		{"10.0.0.1:1", "192.0.2.7:2", false, false, true},
		{"192.0.2.7:1", "198.51.100.7:2", false, false, true},
		{"[2001:db8::7]:1", "[fd00::1]:2", false, false, true},
	};
	static const char *const loopbacks[] = {"127.0.0.1:5999", "127.1.2.3:5999", "[::1]:5999",
						"[::ffff:127.0.0.1]:5999"};
	static const char *const privates[] = {"10.0.0.7:5999", "192.168.0.7:5999", "[fe80::7]:5999", "[fc00::7]:5999"};
	static const char *const globals[] = {"192.0.2.9:5999", "8.8.8.8:5999", "[2001:db8::9]:5999"};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address ends[2] = {parsed(cases[i].one_end), parsed(cases[i].other_end)};
		const struct {
			const char *const *texts;
			size_t count;
			bool may;
		} kinds[] = {
			{loopbacks, sizeof loopbacks / sizeof *loopbacks, cases[i].loopback},
			{privates, sizeof privates / sizeof *privates, cases[i].private},
			{globals, sizeof globals / sizeof *globals, cases[i].global},
		};
		for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
			for (size_t j = 0; j < kinds[kind].count; j++) {
				struct address told = parsed(kinds[kind].texts[j]);
				EXPECT(address_may_travel(&told, &ends[0], &ends[1]) == kinds[kind].may,
				       "%s from %s to %s", kinds[kind].texts[j], cases[i].one_end, cases[i].other_end);
				EXPECT(address_may_travel(&told, &ends[1], &ends[0]) == kinds[kind].may,
				       "%s from %s to %s", kinds[kind].texts[j], cases[i].other_end, cases[i].one_end);
			}
		}
	}
}

static void a_block_is_understood_and_written_in_one_form(void)
{
	static const struct {
		const char *text;
		enum address_block_result result;
		const char *written; /* as it was, or as it was meant */
	} cases[] = {
		{"10.0.0.0/8", ADDRESS_BLOCK_GOOD, "10.0.0.0/8"},
		{"0.0.0.0/0", ADDRESS_BLOCK_GOOD, "0.0.0.0/0"},
		{"192.0.2.7", ADDRESS_BLOCK_GOOD, "192.0.2.7/32"},
		{"192.0.2.7/32", ADDRESS_BLOCK_GOOD, "192.0.2.7/32"},
		{"192.0.2.128/25", ADDRESS_BLOCK_GOOD, "192.0.2.128/25"},
		{"fe80::/10", ADDRESS_BLOCK_GOOD, "fe80::/10"},
		{"::/0", ADDRESS_BLOCK_GOOD, "::/0"},
		{"2001:DB8:0::1", ADDRESS_BLOCK_GOOD, "2001:db8::1/128"},
		{"::ffff:10.0.0.0/8", ADDRESS_BLOCK_GOOD, "10.0.0.0/8"},
		{"10.1.2.3/8", ADDRESS_BLOCK_HAS_HOST_BITS, "10.0.0.0/8"},
		{"192.0.2.129/25", ADDRESS_BLOCK_HAS_HOST_BITS, "192.0.2.128/25"},
		{"fe80::1/64", ADDRESS_BLOCK_HAS_HOST_BITS, "fe80::/64"},
		{"10.0.0.0/33", ADDRESS_BLOCK_BAD, NULL},
		{"::/129", ADDRESS_BLOCK_BAD, NULL},
		{"::ffff:10.0.0.0/104", ADDRESS_BLOCK_BAD, NULL},
		{"10.0.0.0/", ADDRESS_BLOCK_BAD, NULL},
		{"10.0.0.0/-1", ADDRESS_BLOCK_BAD, NULL},
		{"10.0.0.0/8 ", ADDRESS_BLOCK_BAD, NULL},
		{"10.0.0.0/8/8", ADDRESS_BLOCK_BAD, NULL},
		{"10.0.0/24", ADDRESS_BLOCK_BAD, NULL},
		{"[fe80::]/10", ADDRESS_BLOCK_BAD, NULL},
		{"fe80::%eth0/10", ADDRESS_BLOCK_BAD, NULL},
		{"node.example", ADDRESS_BLOCK_BAD, NULL},
		{"127.0.0.1:5999", ADDRESS_BLOCK_BAD, NULL},
		{"", ADDRESS_BLOCK_BAD, NULL},
		{"/8", ADDRESS_BLOCK_BAD, NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address_block block;
		char written[ADDRESS_BLOCK_TEXT_BYTES];
		EXPECT(address_block_parse(cases[i].text, &block) == cases[i].result, "%s", cases[i].text);
		if (cases[i].written == NULL)
			continue;
		address_block_format(&block, written);
		EXPECT(strcmp(written, cases[i].written) == 0, "%s: %s", cases[i].text, written);
	}
}

static void a_block_holds_the_hosts_of_its_prefix(void)
{
	static const struct {
		const char *block, *address;
		bool holds;
	} cases[] = {
		{"10.0.0.0/8", "10.255.255.255:1", true},
		{"10.0.0.0/8", "11.0.0.0:1", false},
		{"192.0.2.128/25", "192.0.2.128:1", true},
		{"192.0.2.128/25", "192.0.2.127:1", false},
		{"0.0.0.0/0", "255.1.2.3:1", true},
		{"0.0.0.0/0", "[::1]:1", false},
		{"::/0", "[2001:db8::1]:1", true},
		{"::/0", "10.0.0.1:1", false},
		{"192.0.2.7", "192.0.2.7:1", true},
		{"192.0.2.7", "192.0.2.6:1", false},
		{"fe80::/10", "[febf::1]:1", true},
		{"fe80::/10", "[fec0::1]:1", false},
		{"::1", "[::1]:5999", true},
		{"10.0.0.0/8", "[::ffff:10.1.1.1]:1", true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address_block block;
		struct address address = parsed(cases[i].address);
		CU_ASSERT_EQUAL(address_block_parse(cases[i].block, &block), ADDRESS_BLOCK_GOOD);
		EXPECT(address_block_holds(&block, &address) == cases[i].holds, "%s %s", cases[i].block,
		       cases[i].address);
	}
}

static void a_subnet_is_a_24_or_a_56(void)
{
	static const struct {
		const char *one, *other;
		bool same;
	} cases[] = {
		{"10.1.2.3:4", "10.1.2.255:5", true},
		{"10.1.2.3:4", "10.1.3.3:4", false},
		{"[2001:db8:1:2ff::1]:1", "[2001:db8:1:200:5::]:2", true},
		{"[2001:db8:1:2ff::1]:1", "[2001:db8:1:300::1]:1", false},
		{"[2001:db8:1:2ff::1]:1", "10.1.2.3:4", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address one = parsed(cases[i].one), other = parsed(cases[i].other);
		one = address_subnet(&one);
		other = address_subnet(&other);
		EXPECT(address_equals(&one, &other) == cases[i].same, "%s %s", cases[i].one, cases[i].other);
	}
}

static void a_source_is_one_host_and_a_site_is_around_it(void)
{
	static const struct {
		const char *one, *other;
		bool same_source, same_site;
	} cases[] = {
		{"10.1.2.3:4", "10.1.2.3:5", true, true},
		{"10.1.2.3:4", "10.1.2.4:4", false, true},
		{"10.1.2.3:4", "10.1.3.3:4", false, false},
		{"127.0.0.1:4", "127.0.0.2:4", false, true},
		{"[2001:db8:1:2::1]:1", "[2001:db8:1:2:3::9]:2", true, true},
		{"[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1", false, true},
		{"[2001:db8:1:2::1]:1", "[2001:db8:2:2::1]:1", false, false},
		{"[fd00:1:2:3::1]:1", "[fd00:1:2:3::2]:1", true, true},
		{"[fe80::1]:1", "[fe80::2]:1", false, true},
		{"[::1]:1", "[::1]:2", true, true},
		{"[::1]:1", "[::2]:1", false, true},
		{"[a01:203::1]:1", "10.1.2.3:1", false, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct address one = parsed(cases[i].one), other = parsed(cases[i].other);
		struct address one_source = address_source(&one), other_source = address_source(&other);
		struct address one_site = address_site(&one), other_site = address_site(&other);
		EXPECT(address_equals(&one_source, &other_source) == cases[i].same_source, "%s %s", cases[i].one,
		       cases[i].other);
		EXPECT(address_equals(&one_site, &other_site) == cases[i].same_site, "%s %s", cases[i].one,
		       cases[i].other);
	}
}

static CU_TestInfo tests[] = {
	{"a good address is understood and written in one form", a_good_address_is_understood_and_written_in_one_form},
	{"what is not a numeric host with a port is refused", what_is_not_a_numeric_host_with_a_port_is_refused},
	{"no address is written as a dash", no_address_is_written_as_a_dash},
	{"a host with or without a port is split", a_host_with_or_without_a_port_is_split},
	{"a numeric host becomes an address", a_numeric_host_becomes_an_address},
	{"an address survives its socket form", an_address_survives_its_socket_form},
	{"an IPv4 peer of an IPv6 socket is an IPv4 peer", an_ipv4_peer_of_an_ipv6_socket_is_an_ipv4_peer},
	{"a socket that is not IP has no address", a_socket_that_is_not_ip_has_no_address},
	{"addresses are compared by host and port", addresses_are_compared_by_host_and_port},
	{"each host has its scope", each_host_has_its_scope},
	{"only where a node could listen is dialled", only_where_a_node_could_listen_is_dialled},
	{"the unspecified hosts are wildcards", the_unspecified_hosts_are_wildcards},
	{"an address travels only where it means the same machine",
	 an_address_travels_only_where_it_means_the_same_machine},
	{"a block is understood and written in one form", a_block_is_understood_and_written_in_one_form},
	{"a block holds the hosts of its prefix", a_block_holds_the_hosts_of_its_prefix},
	{"a subnet is a /24 or a /56", a_subnet_is_a_24_or_a_56},
	{"a source is one host, and a site is around it", a_source_is_one_host_and_a_site_is_around_it},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_address = {.pName = "address", .pTests = tests};
