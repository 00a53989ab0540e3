#include "control/leftovers.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runner.h"
#include "unit/suites.h"

static char folder[] = "/tmp/kith-unit-leftovers-XXXXXX";

static int make_folder(void)
{
	strcpy(strrchr(folder, '-'), "-XXXXXX");
	return mkdtemp(folder) == NULL;
}

static int remove_folder(void)
{
	return rmdir(folder);
}

static const char *path_of(const char *name)
{
	static _Thread_local char path[sizeof folder + 64];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static int bind_socket(const char *name, int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	strcpy(address.sun_path, path_of(name));
	unlink(address.sun_path);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0)
		abort();
	return fd;
}

static bool exists(const char *name)
{
	return access(path_of(name), F_OK) == 0;
}

static void what_goes_and_what_stays(void)
{
	static const struct {
		const char *name;
		bool goes;
	} dead[] = {
		{"127.0.0.1:5999.sock", true},
		{"127.0.0.1:5999-4711.sock", true},
		{"[::1]:5999.sock", true},
		{"[fe80::1]:1-1.sock", true},
		{"-.sock", true},
		{"--4711.sock", true},
		{"kithd.sock", false},
		{"127.0.0.1:5999.sock-4711", false},
		{"127.0.0.1.sock", false},
		{"127.0.0.1:5999-.sock", false},
		{".sock", false},
		{"127.0.0.1:5999", false},
	};
	int listening = bind_socket("127.0.0.1:1.sock", SOCK_STREAM),
	    bound = bind_socket("127.0.0.1:2.sock", SOCK_STREAM);
	int other = bind_socket("127.0.0.1:3.sock", SOCK_DGRAM);
	FILE *file = fopen(path_of("127.0.0.1:4.sock"), "we");
	CU_ASSERT(file != NULL && fclose(file) == 0 && listen(listening, 1) == 0);
	size_t expected = 0;
	for (size_t i = 0; i < sizeof dead / sizeof *dead; i++) {
		close(bind_socket(dead[i].name, SOCK_STREAM));
		expected += dead[i].goes;
	}
	CU_ASSERT_EQUAL(leftovers_remove(folder), expected);
	for (size_t i = 0; i < sizeof dead / sizeof *dead; i++) {
		EXPECT(exists(dead[i].name) == !dead[i].goes, "%s", dead[i].name);
		unlink(path_of(dead[i].name));
	}
	CU_ASSERT_EQUAL(leftovers_remove(folder), 0);
	CU_ASSERT(leftovers_is_bound(path_of("127.0.0.1:1.sock")) && leftovers_is_bound(path_of("127.0.0.1:2.sock")) &&
		  leftovers_is_bound(path_of("127.0.0.1:3.sock")));
	CU_ASSERT(!leftovers_is_bound(path_of("127.0.0.1:4.sock")) && exists("127.0.0.1:4.sock"));
	/* Nobody was connected to it meanwhile. */
	CU_ASSERT_EQUAL(poll(&(struct pollfd){.fd = listening, .events = POLLIN}, 1, 0), 0);
	for (int i = 1; i <= 4; i++) {
		char name[32];
		snprintf(name, sizeof name, "127.0.0.1:%d.sock", i);
		CU_ASSERT_EQUAL(unlink(path_of(name)), 0);
	}
	close(listening);
	close(bound);
	close(other);
	CU_ASSERT_EQUAL(leftovers_remove("/nonexistent"), 0);
}

static atomic_bool is_over;

static void *remove_again_and_again(void *nothing)
{
	while (!atomic_load(&is_over))
		leftovers_remove(folder);
	return nothing;
}

/* Nodes are killed and started again, while others that start look for what the killed ones have left. */
static void one_that_starts_meanwhile_keeps_its_socket(void)
{
	enum { ROUNDS = 5000 };
	static const char name[] = "127.0.0.1:5999.sock";
	pthread_t thread;
	int lost = 0;
	atomic_store(&is_over, false);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, remove_again_and_again, NULL), 0);
	for (int round = 0; round < ROUNDS; round++) {
		int fd = bind_socket(name, SOCK_STREAM);
		/* It may be aside for a moment. */
		bool is_there = false;
		for (int attempt = 0; attempt < 1000 && !is_there; attempt++)
			is_there = leftovers_is_bound(path_of(name));
		lost += !is_there;
		close(fd);
	}
	atomic_store(&is_over, true);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(lost, 0);
	leftovers_remove(folder);
}

static CU_TestInfo tests[] = {
	{"sockets of dead nodes go, and all else stays", what_goes_and_what_stays},
	{"a node that starts meanwhile keeps its socket", one_that_starts_meanwhile_keeps_its_socket},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_leftovers = {
	.pName = "leftovers", .pInitFunc = make_folder, .pCleanupFunc = remove_folder, .pTests = tests};
