#include "link/path.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

static void what_is_repeated_in_vain_is_lost_if_the_far_end_is_heard(void)
{
	static const struct {
		const char *what;
		struct path path;
		bool loses_large;
	} cases[] = {
		{"told of the end after 20 s", {2000, 6, 12800 * MS_US, 0}, true},
		{"a line that is just too long", {700, 3, 1600 * MS_US, 100 * MS_US}, true},
		{"a path that works", {2000, 0, 200 * MS_US, 0}, false},
		{"a packet was lost", {2000, 1, 400 * MS_US, 0}, false},
		{"all was acknowledged", {0, 0, 200 * MS_US, 0}, false},
		{"nothing gets through, and only pings are lost", {40, 6, 12800 * MS_US, 0}, false},
		{"the far end is gone", {2000, 6, 12800 * MS_US, 20 * SECOND_US}, false},
		{"the far end was heard when it began", {2000, 6, 12800 * MS_US, 12700 * MS_US}, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		EXPECT(path_loses_large(&cases[i].path) == cases[i].loses_large, "%s", cases[i].what);
}

static void a_good_connection_loses_nothing(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	static const char bytes[4000];
	struct path path;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_FATAL(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 1) == 0);
	CU_ASSERT_FATAL(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
	CU_ASSERT_FATAL(connect(fd, (struct sockaddr *)&address, length) == 0);
	CU_ASSERT_EQUAL(send(fd, bytes, sizeof bytes, MSG_NOSIGNAL), (ssize_t)sizeof bytes);
	CU_ASSERT(path_look(fd, &path) && path.retransmits == 0 && path.rto_us > 0 && path.heard_us < 5 * SECOND_US);
	CU_ASSERT_FALSE(path_loses_large(&path));
	close(fd);
	close(listener);
	CU_ASSERT_FALSE(path_look(-1, &path));
}

static CU_TestInfo tests[] = {
	{"what is repeated in vain is lost, if the far end is heard",
	 what_is_repeated_in_vain_is_lost_if_the_far_end_is_heard},
	{"a good connection loses nothing", a_good_connection_loses_nothing},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_path = {.pName = "path", .pTests = tests};
