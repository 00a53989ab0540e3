#include "control/place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner.h"
#include "unit/suites.h"

static char folder[] = "/tmp/kith-unit-place-XXXXXX";

static int make_folder(void)
{
	strcpy(strrchr(folder, '-'), "-XXXXXX");
	return mkdtemp(folder) == NULL;
}

static int remove_folder(void)
{
	return rmdir(folder);
}

struct attempt {
	struct settings settings;
	struct place place;
	struct problem problem;
	struct address listening;
};

static void begin(struct attempt *attempt, const char *control)
{
	struct problem problem;
	char option[SETTINGS_PATH_BYTES + 16];
	*attempt = (struct attempt){.listening = {.family = ADDRESS_IPV4, .port = 5999, .host = {127, 0, 0, 1}}};
	snprintf(option, sizeof option, "control=%s", control);
	CU_ASSERT_FATAL(settings_init(&attempt->settings) && settings_set_option(&attempt->settings, option, &problem));
}

static bool bind_there(struct attempt *attempt)
{
	return place_prepare(&attempt->place, &attempt->settings, &attempt->problem) &&
	       place_bind(&attempt->place, &attempt->settings, &attempt->listening, &attempt->problem);
}

static void end(struct attempt *attempt)
{
	place_fini(&attempt->place);
	settings_fini(&attempt->settings);
}

static const char *path_of(const char *name)
{
	static char path[sizeof folder + 128];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void a_path_is_bound_and_removed(void)
{
	struct attempt attempt;
	begin(&attempt, path_of("sock"));
	CU_ASSERT_TRUE(bind_there(&attempt));
	CU_ASSERT_STRING_EQUAL(attempt.place.path, path_of("sock"));
	CU_ASSERT(attempt.place.fd >= 0 && !attempt.place.is_second);
	CU_ASSERT_EQUAL(access(attempt.place.path, F_OK), 0);
	end(&attempt);
	CU_ASSERT_NOT_EQUAL(access(path_of("sock"), F_OK), 0);
}

static void none_is_nothing(void)
{
	struct attempt attempt;
	begin(&attempt, "");
	CU_ASSERT_TRUE(bind_there(&attempt));
	CU_ASSERT_EQUAL(attempt.place.fd, -1);
	end(&attempt);
}

static void auto_is_named_after_the_address(void)
{
	struct attempt attempt;
	setenv("RUNTIME_DIRECTORY", folder, 1);
	begin(&attempt, "auto");
	CU_ASSERT_TRUE(bind_there(&attempt));
	unsetenv("RUNTIME_DIRECTORY");
	CU_ASSERT_STRING_EQUAL(attempt.place.path, path_of("127.0.0.1:5999.sock"));
	end(&attempt);
}

/* The socket of one who listens stays; that of one who doesn't goes. */
static void another_gets_a_path_of_its_own(void)
{
	struct attempt first, second, third;
	char own[160];
	begin(&first, path_of("sock"));
	begin(&second, path_of("sock"));
	begin(&third, path_of("sock"));
	CU_ASSERT_TRUE(bind_there(&first));
	CU_ASSERT_TRUE(bind_there(&second));
	snprintf(own, sizeof own, "%s-%d", path_of("sock"), (int)getpid());
	CU_ASSERT_TRUE(second.place.is_second);
	CU_ASSERT_STRING_EQUAL(second.place.path, own);
	close(first.place.fd);
	first.place.fd = -1;
	CU_ASSERT_TRUE(bind_there(&third));
	CU_ASSERT_FALSE(third.place.is_second);
	end(&third);
	end(&second);
	end(&first);
}

static void what_is_no_socket_stays(void)
{
	struct attempt attempt;
	FILE *file = fopen(path_of("file"), "we");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fclose(file);
	begin(&attempt, path_of("file"));
	CU_ASSERT_FALSE(bind_there(&attempt));
	CU_ASSERT_PTR_NOT_NULL(strstr(attempt.problem.text, "is no socket: remove it"));
	end(&attempt);
	CU_ASSERT_EQUAL(unlink(path_of("file")), 0);
}

static void a_path_without_room_for_the_suffix_is_a_problem(void)
{
	struct attempt first, second;
	char name[108 - sizeof folder];
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	begin(&first, path_of(name));
	begin(&second, path_of(name));
	CU_ASSERT_TRUE(bind_there(&first));
	CU_ASSERT_FALSE(bind_there(&second));
	EXPECT(strstr(second.problem.text, "too long") != NULL && strstr(second.problem.text, path_of(name)) != NULL,
	       "%s", second.problem.text);
	end(&second);
	CU_ASSERT_EQUAL(access(path_of(name), F_OK), 0);
	end(&first);
}

static CU_TestInfo tests[] = {
	{"a path is bound, and removed at the end", a_path_is_bound_and_removed},
	{"without a path there is nothing", none_is_nothing},
	{"auto is named after the address", auto_is_named_after_the_address},
	{"the second gets a path of its own, and a stale one is replaced", another_gets_a_path_of_its_own},
	{"what is no socket stays", what_is_no_socket_stays},
	{"a path without room for the suffix is a problem", a_path_without_room_for_the_suffix_is_a_problem},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_place = {.pName = "place", .pInitFunc = make_folder, .pCleanupFunc = remove_folder, .pTests = tests};
