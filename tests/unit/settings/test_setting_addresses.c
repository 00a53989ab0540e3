#include <stdio.h>
#include <string.h>

#include "runner.h"
#include "some_settings.h"
#include "unit/suites.h"

static void an_option_sets_a_list_separated_by_commas(void)
{
	static const struct {
		const char *option;
		size_t count;
		const char *first, *last;
	} cases[] = {
		{"listen=127.0.0.1:1", 1, "127.0.0.1:1", "127.0.0.1:1"},
		{"listen=127.0.0.1:1,[::1]:2", 2, "127.0.0.1:1", "[::1]:2"},
		{"listen= 127.0.0.1:1 , [::1]:2 ", 2, "127.0.0.1:1", "[::1]:2"},
		{"listen=0.0.0.0:5999,[::]:5999", 2, "0.0.0.0:5999", "[::]:5999"},
		{"listen=127.0.0.1:0,127.0.0.1:0,[::1]:0", 3, "127.0.0.1:0", "[::1]:0"},
		{"listen=127.0.0.1:1,127.0.0.2:1,127.0.0.1:2", 3, "127.0.0.1:1", "127.0.0.1:2"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct settings settings = with_option(cases[i].option);
		if (EXPECT(settings.listen_count == cases[i].count, "%s", cases[i].option)) {
			EXPECT(address_is(&settings.listen[0], cases[i].first), "%s", cases[i].option);
			EXPECT(address_is(&settings.listen[cases[i].count - 1], cases[i].last), "%s", cases[i].option);
		}
		settings_fini(&settings);
	}
}

static void a_wrong_address_to_listen_on_is_refused_with_what_to_write(void)
{
	static const struct {
		const char *address;
		const char *says;
	} cases[] = {
		{"127.0.0.1", "write \"127.0.0.1:5999\""},
		{"10.0.0.7", "write \"10.0.0.7:5999\""},
		{"::1", "write \"[::1]:5999\""},
		{"[::1]", "write \""},
		{"localhost:5999", "takes IP addresses, not names"},
		{"localhost", "write \"127.0.0.1:5999\""},
		{"*:5999", "write \"127.0.0.1:5999\""},
		{":5999", "write \"127.0.0.1:5999\""},
		{"5999", "write \"127.0.0.1:5999\""},
		{"127.0.0.1:", "port from 0 to 65535"},
		{"127.0.0.1:65536", "port from 0 to 65535"},
		{"127.0.0.1:-1", "port from 0 to 65535"},
		{"127.0.0.1:http", "port from 0 to 65535"},
		{"[fe80::1%lo]:5999", "write \"127.0.0.1:5999\""},
		{"127.0.0.1:1 127.0.0.1:2", "write"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[128];
		const char *address = cases[i].address;
		struct settings settings;
		struct problem problem = {.text = ""};
		snprintf(text, sizeof text, "listen = [\"127.0.0.9:9\", \"%s\"];", address);
		expect_bad_file(text, 1, "listen", cases[i].says);
		snprintf(text, sizeof text, "listen=127.0.0.9:9,%s", address);
		expect_bad_option(text, "-o listen: ", address, cases[i].says);
		settings_init(&settings);
		EXPECT(!settings_set_listen(&settings, &address, 1, "-l", &problem), "%s", address);
		expect_error(problem.text, "-l: ", address, cases[i].says);
		settings_fini(&settings);
	}
	expect_bad_option("listen=127.0.0.1:1,[::1]:1,127.0.0.1:1", "-o listen: ", "\"127.0.0.1:1\"", "twice");
	expect_bad_file("listen = [\"10.0.0.7:1\", \"[::ffff:10.0.0.7]:1\"];", 1, "listen", "twice");
}

static void an_advertised_address_is_one_that_others_can_dial(void)
{
	static const struct {
		const char *value;
		const char *says; /* NULL: it is good */
	} cases[] = {
		{"", NULL},
		{"192.0.2.7:5999", NULL},
		{"[2001:db8::7]:1", NULL},
		{"127.0.0.1:65535", NULL},
		{"0.0.0.0:5999", "dialled"},
		{"[::]:5999", "dialled"},
		{"224.0.0.1:5999", "dialled"},
		{"255.255.255.255:5999", "dialled"},
		{"192.0.2.7:0", "dialled"},
		{"192.0.2.7", "write \"192.0.2.7:5999\""},
		{"node.example:5999", "takes IP addresses, not names"},
		{"192.0.2.7:65536", "port from 0 to 65535"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char option[128], text[128];
		snprintf(option, sizeof option, "advertise=%s", cases[i].value);
		snprintf(text, sizeof text, "advertise = \"%s\";", cases[i].value);
		if (cases[i].says != NULL) {
			expect_bad_option(option, "-o advertise: ", cases[i].value, cases[i].says);
			expect_bad_file(text, 1, "advertise", cases[i].says);
			continue;
		}
		struct settings settings = with_option(option);
		EXPECT(address_is(&settings.texts->advertise, cases[i].value[0] == '\0' ? "-" : cases[i].value), "%s",
		       option);
		settings_fini(&settings);
	}
}

static void a_bootstrap_is_a_name_or_a_number_with_or_without_a_port(void)
{
	static const struct {
		const char *text;
		const char *host;
		uint16_t port;
		const char *address; /* "-" for a name */
	} cases[] = {
		{"node.example", "node.example", 5999, "-"},
		{"node.example:80", "node.example", 80, "-"},
		{"localhost", "localhost", 5999, "-"},
		{"a-b_c.7.example.", "a-b_c.7.example.", 5999, "-"},
		{"7up", "7up", 5999, "-"},
		{"192.0.2.7", "192.0.2.7", 5999, "192.0.2.7:5999"},
		{"192.0.2.7:1", "192.0.2.7", 1, "192.0.2.7:1"},
		{"[2001:db8::7]", "2001:db8::7", 5999, "[2001:db8::7]:5999"},
		{"[2001:db8::7]:65535", "2001:db8::7", 65535, "[2001:db8::7]:65535"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct problem problem = {.text = ""};
		char option[128];
		snprintf(option, sizeof option, "bootstrap=first.example,%s", cases[i].text);
		struct settings settings = with_option(option);
		EXPECT(settings_add_bootstrap(&settings, cases[i].text, "-b", &problem), "%s: %s", cases[i].text,
		       problem.text);
		if (EXPECT(settings.texts->bootstrap_count == 3, "%s", cases[i].text)) {
			EXPECT(strcmp(settings.texts->bootstrap[0].host, "first.example") == 0, "%s", cases[i].text);
			for (size_t j = 1; j < 3; j++) {
				const struct bootstrap *bootstrap = &settings.texts->bootstrap[j];
				EXPECT(strcmp(bootstrap->host, cases[i].host) == 0, "%s: %s", cases[i].text,
				       bootstrap->host);
				EXPECT(bootstrap->port == cases[i].port, "%s", cases[i].text);
				EXPECT(address_is(&bootstrap->address, cases[i].address), "%s", cases[i].text);
			}
		}
		settings_fini(&settings);
	}
}

static void a_wrong_bootstrap_is_refused(void)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{"node.example:0", "port from 1 to 65535"},
		{"node.example:65536", "port from 1 to 65535"},
		{"node.example:-1", "port from 1 to 65535"},
		{"node.example:http", "port from 1 to 65535"},
		{"node.example:", "port from 1 to 65535"},
		{":5999", "write \"node.example:5999\""},
		{"::1", "[2001:db8::7]:5999"},
		{"[::1", "[2001:db8::7]:5999"},
		{"0.0.0.0:5999", "can't be dialled"},
		{"[::]:5999", "can't be dialled"},
		{"224.0.0.1", "can't be dialled"},
		{"[ff02::1]", "can't be dialled"},
		{"1.2.3", "neither an IP address nor a host name"},
		{"256.1.1.1", "neither an IP address nor a host name"},
		{"1.2.3.4.5", "neither an IP address nor a host name"},
		{"5999", "neither an IP address nor a host name"},
		{"-node.example", "neither an IP address nor a host name"},
		{".example", "neither an IP address nor a host name"},
		{"no/de.example", "neither an IP address nor a host name"},
		{"n\xc3\xb6rd.example", "neither an IP address nor a host name"},
		{"http://node.example", "port from 1 to 65535"},
		{"node.example other.example", "neither an IP address nor a host name"},
		{"[fe80::1%lo]:5999", "neither an IP address nor a host name"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct problem problem = {.text = ""};
		char text[128];
		struct settings settings;
		snprintf(text, sizeof text, "bootstrap = [\"good.example\", \"%s\"];", cases[i].text);
		expect_bad_file(text, 1, "bootstrap", cases[i].says);
		snprintf(text, sizeof text, "bootstrap=good.example,%s", cases[i].text);
		expect_bad_option(text, "-o bootstrap: ", cases[i].text, cases[i].says);
		settings_init(&settings);
		EXPECT(!settings_add_bootstrap(&settings, cases[i].text, "-b", &problem), "%s", cases[i].text);
		expect_error(problem.text, "-b: ", cases[i].text, cases[i].says);
		settings_fini(&settings);
	}
}

static void a_list_has_at_most_256_entries(void)
{
	for (int count = SETTINGS_LIST_ENTRIES; count <= SETTINGS_LIST_ENTRIES + 1; count++) {
		bool good = count == SETTINGS_LIST_ENTRIES;
		char option[8192] = "bootstrap=", text[8192] = "bootstrap = [";
		for (int i = 0; i < count; i++) {
			sprintf(option + strlen(option), "%snode%d", i == 0 ? "" : ",", i);
			sprintf(text + strlen(text), "%s\"node%d\"", i == 0 ? "" : ",", i);
		}
		strcat(text, "];");
		if (!good) {
			expect_bad_option(option, "-o bootstrap: ", "must be", "at most 256 addresses");
			expect_bad_file(text, 1, "bootstrap must be", "at most 256 addresses");
			continue;
		}
		struct settings settings = with_option(option);
		CU_ASSERT_EQUAL(settings.texts->bootstrap_count, SETTINGS_LIST_ENTRIES);
		struct problem problem = {.text = ""};
		CU_ASSERT_FALSE(settings_add_bootstrap(&settings, "one.too.many", "-b", &problem));
		expect_error(problem.text, "-b: ", "256", "");
		settings_fini(&settings);
		settings = read_good(text);
		CU_ASSERT_EQUAL(settings.texts->bootstrap_count, SETTINGS_LIST_ENTRIES);
		settings_fini(&settings);
	}
}

static void an_error_says_what_is_right_however_long_the_value_is(void)
{
	static const char *const names[] = {"listen", "advertise", "bootstrap"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char option[1024], where[64];
		snprintf(option, sizeof option, "%s=" X64 X64 X64 X64 X64 X64 X64 X64 X64 X64 ":5999", names[i]);
		snprintf(where, sizeof where, "-o %s: ", names[i]);
		expect_bad_option(option, where, "write \"", "[");
	}
}

static CU_TestInfo tests[] = {
	{"an option sets a list separated by commas", an_option_sets_a_list_separated_by_commas},
	{"a wrong address to listen on is refused with what to write",
	 a_wrong_address_to_listen_on_is_refused_with_what_to_write},
	{"an advertised address is one that others can dial", an_advertised_address_is_one_that_others_can_dial},
	{"a bootstrap is a name or a number, with or without a port",
	 a_bootstrap_is_a_name_or_a_number_with_or_without_a_port},
	{"a wrong bootstrap is refused", a_wrong_bootstrap_is_refused},
	{"a list has at most 256 entries", a_list_has_at_most_256_entries},
	{"an error says what is right, however long the value is",
	 an_error_says_what_is_right_however_long_the_value_is},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_setting_addresses = {.pName = "setting_addresses",
					.pInitFunc = some_settings_set_up,
					.pCleanupFunc = some_settings_tear_down,
					.pTests = tests};
