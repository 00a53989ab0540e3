#include "link/netwatch.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runner.h"
#include "unit/suites.h"

enum { PATIENCE_MS = 5000 };

static int home = -1;

/* A network namespace of the test's own; false where that needs root. */
static bool leaves_home(void)
{
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home >= 0 && unshare(CLONE_NEWNET) == 0)
		return true;
	printf("(not root: skipped) ");
	close(home);
	return false;
}

static void goes_home(void)
{
	CU_ASSERT_EQUAL(setns(home, CLONE_NEWNET), 0);
	close(home);
}

static void ip(const char *arguments)
{
	char command[256];
	snprintf(command, sizeof command, "ip %s", arguments);
	EXPECT(system(command) == 0, "%s", command); /* NOLINT(cert-env33-c): a fixed command of the test's own */
}

/* Waits for this change, whatever else comes before it. */
static bool awaits(int fd, unsigned wanted)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	while (poll(&ready, 1, PATIENCE_MS) == 1)
		if ((netwatch_read(fd) & wanted) != 0)
			return true;
	return false;
}

static void what_the_machine_gains_and_loses_is_told(void)
{
	static const struct {
		const char *command;
		unsigned change;
	} steps[] = {
		{"link add here type veth peer name there", NETWATCH_LOST}, /* both ends are down at first */
		{"address add 10.99.0.1/24 dev here", NETWATCH_GAINED},
		{"link set there up", NETWATCH_LOST},
		{"link set here up", NETWATCH_GAINED},
		{"route add 10.98.0.0/24 via 10.99.0.2", NETWATCH_GAINED},
		{"route del 10.98.0.0/24", NETWATCH_LOST},
		{"address del 10.99.0.1/24 dev here", NETWATCH_LOST},
		{"link set here down", NETWATCH_LOST},
	};
	if (!leaves_home())
		return;
	int fd = netwatch_open();
	CU_ASSERT(fd >= 0);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		netwatch_read(fd);
		ip(steps[i].command);
		EXPECT(awaits(fd, steps[i].change), "%s", steps[i].command);
	}
	close(fd);
	goes_home();
}

static void where_nothing_changes_nothing_is_told(void)
{
	if (!leaves_home())
		return;
	int fd = netwatch_open();
	CU_ASSERT(fd >= 0);
	CU_ASSERT_EQUAL(netwatch_read(fd), 0);
	close(fd);
	goes_home();
}

static CU_TestInfo tests[] = {
	{"what the machine gains and loses is told", what_the_machine_gains_and_loses_is_told},
	{"where nothing changes nothing is told", where_nothing_changes_nothing_is_told},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_netwatch = {.pName = "netwatch", .pTests = tests};
