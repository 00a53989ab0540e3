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
	static const char *const names[] = {"10.sock", "9.sock", "1.sock", "other"};
	struct sockets sockets = {0};
	int fds[4];
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
	for (int i = 0; i < 4; i++) {
		snprintf(paths[i], sizeof paths[i], "%s/%s", directory, names[i]);
		fds[i] = make_socket(paths[i], i != 2);
	}
	sockets_look_in(&sockets, directory);
	/* In the order of people: 9 comes before 10. */
	CU_ASSERT_EQUAL_FATAL(sockets.count, 2);
	CU_ASSERT_STRING_EQUAL(sockets.connected[0].path, paths[1]);
	CU_ASSERT_STRING_EQUAL(sockets.connected[1].path, paths[0]);
	CU_ASSERT(sockets.connected[0].fd >= 0 && sockets.connected[1].fd >= 0);
	CU_ASSERT_STRING_EQUAL(sockets.failed.path, paths[2]);
	CU_ASSERT_EQUAL(sockets.failed.error, ECONNREFUSED);
	CU_ASSERT_EQUAL(sockets.left_out, 0);
	sockets_close(&sockets);
	CU_ASSERT(sockets.connected[0].fd < 0 && sockets.connected[1].fd < 0);
	for (int i = 0; i < 4; i++) {
		close(fds[i]);
		unlink(paths[i]);
	}
	sockets = (struct sockets){0};
	sockets_look_in(&sockets, directory);
	CU_ASSERT_EQUAL(sockets.count, 0);
	CU_ASSERT_STRING_EQUAL(sockets.failed.path, "");
	rmdir(directory);
	sockets_look_in(&sockets, directory);
	CU_ASSERT_EQUAL(sockets.count, 0);
	CU_ASSERT_STRING_EQUAL(sockets.closed_directory, "");
}

/* Three live ones too many, and as many dead ones before them. */
static void more_than_are_asked(void)
{
	enum { LIVE = SOCKETS_MOST + 3, ALL = LIVE + SOCKETS_MOST };
	static char paths[ALL][64];
	static int fds[ALL];
	char directory[] = "/tmp/kith-unit-XXXXXX";
	struct sockets *sockets = calloc(1, sizeof *sockets);
	CU_ASSERT_FATAL(mkdtemp(directory) != NULL && sockets != NULL);
	for (int i = 0; i < ALL; i++) {
		bool is_live = i >= SOCKETS_MOST;
		snprintf(paths[i], sizeof paths[i], "%s/%03d.sock", directory, i);
		fds[i] = make_socket(paths[i], is_live);
		if (!is_live)
			close(fds[i]);
	}
	sockets_look_in(sockets, directory);
	CU_ASSERT_EQUAL_FATAL(sockets->count, SOCKETS_MOST);
	CU_ASSERT_STRING_EQUAL(sockets->connected[0].path, paths[SOCKETS_MOST]);
	CU_ASSERT_EQUAL(sockets->left_out, 3);
	sockets_close(sockets);
	free(sockets);
	for (int i = 0; i < ALL; i++) {
		if (i >= SOCKETS_MOST)
			close(fds[i]);
		unlink(paths[i]);
	}
	rmdir(directory);
}

static void one_socket(void)
{
	char path[SOCKET_PATH_BYTES + 8];
	struct sockets sockets = {0};
	memset(path, 'x', sizeof path);
	path[0] = '/';
	path[SOCKET_PATH_BYTES] = '\0';
	CU_ASSERT_FALSE(sockets_look_at(&sockets, path));
	CU_ASSERT_STRING_EQUAL(sockets.failed.path, "");
	path[SOCKET_PATH_BYTES - 1] = '\0';
	CU_ASSERT(sockets_look_at(&sockets, path));
	CU_ASSERT_EQUAL(sockets.count, 0);
	CU_ASSERT_EQUAL(sockets.failed.error, ENOENT);
}

static CU_TestInfo tests[] = {
	{"the sockets of a directory are found, and tried", sockets_of_a_directory},
	{"dead ones take no place, and live ones beyond the bound are counted", more_than_are_asked},
	{"a path that a socket can't have is refused", one_socket},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_sockets = {.pName = "sockets", .pTests = tests};
