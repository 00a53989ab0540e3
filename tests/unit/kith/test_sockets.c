#include "kith/sockets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner.h"
#include "unit/suites.h"

/* A socket at a path, that listens or did. */
static int make_socket(const char *path, bool listens)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(address.sun_path, path);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	if (listens)
		CU_ASSERT_EQUAL(listen(fd, 4), 0);
	return fd;
}

static void sockets_of_a_directory(void)
{
	char directory[] = "/tmp/kith-unit-XXXXXX", paths[4][64];
	static const char *const names[] = {"10.sock", "9.sock", "dead.sock", "other"};
	struct sockets sockets = {0};
	int fds[4];
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
	for (int i = 0; i < 4; i++) {
		snprintf(paths[i], sizeof paths[i], "%s/%s", directory, names[i]);
		fds[i] = make_socket(paths[i], i != 2);
	}
	sockets_look_in(&sockets, directory);
	/* In the order of people: 9 comes before 10. */
	CU_ASSERT_EQUAL_FATAL(sockets.count, 3);
	CU_ASSERT_STRING_EQUAL(sockets.found[0].path, paths[1]);
	CU_ASSERT_STRING_EQUAL(sockets.found[1].path, paths[0]);
	CU_ASSERT_EQUAL(sockets_count_connected(&sockets), 2);
	CU_ASSERT_PTR_EQUAL(sockets_find_failed(&sockets, ECONNREFUSED), &sockets.found[2]);
	CU_ASSERT_PTR_NULL(sockets_find_failed(&sockets, EACCES));
	sockets_close(&sockets);
	CU_ASSERT_EQUAL(sockets_count_connected(&sockets), 0);
	for (int i = 0; i < 4; i++) {
		close(fds[i]);
		unlink(paths[i]);
	}
	sockets = (struct sockets){0};
	sockets_look_in(&sockets, directory);
	CU_ASSERT_EQUAL(sockets.count, 0);
	rmdir(directory);
	sockets_look_in(&sockets, directory);
	CU_ASSERT_EQUAL(sockets.count, 0);
	CU_ASSERT_STRING_EQUAL(sockets.closed_directory, "");
}

static void one_socket(void)
{
	char path[SOCKET_PATH_BYTES + 8];
	struct sockets sockets = {0};
	memset(path, 'x', sizeof path);
	path[0] = '/';
	path[SOCKET_PATH_BYTES] = '\0';
	CU_ASSERT_FALSE(sockets_look_at(&sockets, path));
	CU_ASSERT_EQUAL(sockets.count, 0);
	path[SOCKET_PATH_BYTES - 1] = '\0';
	CU_ASSERT(sockets_look_at(&sockets, path));
	CU_ASSERT_EQUAL(sockets.found[0].fd, -1);
	CU_ASSERT_EQUAL(sockets.found[0].error, ENOENT);
}

static CU_TestInfo tests[] = {
	{"the sockets of a directory are found, and tried", sockets_of_a_directory},
	{"a path that a socket can't have is refused", one_socket},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_sockets = {.pName = "sockets", .pTests = tests};
