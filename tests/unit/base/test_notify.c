#include "base/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runner.h"
#include "unit/suites.h"

enum { HEAD = offsetof(struct sockaddr_un, sun_path) };

static void a_name_is_a_path_or_abstract(void)
{
	char longest[sizeof(((struct sockaddr_un *)NULL)->sun_path)], too_long[sizeof longest + 1];
	memset(longest, 'a', sizeof longest);
	memset(too_long, 'a', sizeof too_long);
	longest[0] = too_long[0] = '/';
	longest[sizeof longest - 1] = too_long[sizeof too_long - 1] = '\0';
	const struct {
		const char *name;
		size_t length; /* of the address */
		const char *problem;
	} cases[] = {
		{NULL, 0, NULL},
		{"", 0, NULL},
		{"/run/n", HEAD + sizeof "/run/n", NULL},
		{"@n", HEAD + 2, NULL},
		{longest, HEAD + sizeof longest, NULL},
		{too_long, 0, "too long"},
		{"run/n", 0, "no UNIX socket"},
		{"@", 0, "no UNIX socket"},
		{"/", 0, "no UNIX socket"},
		{"vsock:2:5", 0, "no UNIX socket"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct notify notify;
		struct problem problem = {0};
		bool is_good = notify_find(&notify, cases[i].name, &problem);
		EXPECT(is_good == (cases[i].problem == NULL), "%s", cases[i].name);
		EXPECT(is_good || strstr(problem.text, cases[i].problem) != NULL, "%s", problem.text);
		EXPECT(notify.length == cases[i].length, "%s: %u", cases[i].name, (unsigned)notify.length);
	}
}

static void lines_arrive_in_one_datagram(void)
{
	char name[64], lines[64];
	struct notify notify;
	struct problem problem;
	snprintf(name, sizeof name, "@kith-unit-%d", (int)getpid());
	CU_ASSERT_FATAL(notify_find(&notify, name, &problem));
	CU_ASSERT_FALSE(notify_send(&notify, "READY=1"));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (const struct sockaddr *)&notify.address, notify.length), 0);
	CU_ASSERT(notify_send(&notify, "READY=1\nSTATUS=x"));
	ssize_t length = recv(fd, lines, sizeof lines, 0);
	CU_ASSERT(length == 16 && memcmp(lines, "READY=1\nSTATUS=x", 16) == 0);
	close(fd);
	CU_ASSERT_FATAL(notify_find(&notify, NULL, &problem));
	CU_ASSERT(notify_send(&notify, "READY=1"));
}

static void a_watchdog_is_for_one_process(void)
{
	char own[24], other[24];
	snprintf(own, sizeof own, "%d", (int)getpid());
	snprintf(other, sizeof other, "%d", (int)getppid());
	const struct {
		const char *usec, *pid;
		int64_t expected_us;
	} cases[] = {
		{NULL, NULL, 0},
		{"30000000", NULL, 30000000},
		{"30000000", own, 30000000},
		{"30000000", other, 0},
		{"30000000", "", 0},
		{"30000000", "x", 0},
		{NULL, own, 0},
		{"", own, 0},
		{"0", own, 0},
		{"-1", own, 0},
		{" 1", own, 0},
		{"1s", own, 0},
		{"99999999999999999999", own, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		EXPECT(notify_watchdog_us(cases[i].usec, cases[i].pid) == cases[i].expected_us, "%s for %s",
		       cases[i].usec, cases[i].pid);
}

static void descriptors_are_for_one_process(void)
{
	char own[24], other[24];
	snprintf(own, sizeof own, "%d", (int)getpid());
	snprintf(other, sizeof other, "%d", (int)getppid());
	const struct {
		const char *fds, *pid;
		int expected;
	} cases[] = {{"2", own, 2}, {"2", other, 0}, {"2", NULL, 0},	  {NULL, own, 0},
		     {"0", own, 0}, {"-3", own, 0},  {"1000000", own, 0}, {"2 ", own, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		EXPECT(notify_handed_over(cases[i].fds, cases[i].pid) == cases[i].expected, "%s for %s", cases[i].fds,
		       cases[i].pid);
}

static CU_TestInfo tests[] = {
	{"a name is a path or abstract", a_name_is_a_path_or_abstract},
	{"lines arrive in one datagram", lines_arrive_in_one_datagram},
	{"a watchdog is for one process", a_watchdog_is_for_one_process},
	{"descriptors are for one process", descriptors_are_for_one_process},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_notify = {.pName = "notify", .pTests = tests};
