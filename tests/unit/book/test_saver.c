#include "book/saver.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/problem.h"
#include "runner.h"
#include "unit/core.h"
#include "unit/suites.h"

enum { SOON_US = 20 * 1000, LATE_US = 20 * 1000 * 1000, MOST = 100, TEXT_BYTES = 512 };

#define HOUR_US ((int64_t)3600 * 1000 * 1000)

static char folder[64];
static struct settings settings;
static struct state *state;
static struct address_book *book;
static struct saver saver;

static int set_up(void)
{
	strcpy(folder, "/tmp/kith-saver-XXXXXX");
	settings_init(&settings);
	return mkdtemp(folder) == NULL || core_silence_log();
}

static int tear_down(void)
{
	settings_fini(&settings);
	return rmdir(folder) != 0 || core_restore_log();
}

static const char *path_of(const char *name)
{
	static char path[128];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void begin(int64_t interval_us)
{
	static const struct hash_key secret = {{7}};
	struct problem problem = {0};
	settings.save_interval_us = interval_us;
	state = state_open(folder, &problem);
	book = address_book_new(&settings, &secret, 1, clock_now_us());
	CU_ASSERT_FATAL(state != NULL && book != NULL);
	CU_ASSERT_EQUAL_FATAL(saver_start(&saver, state, book, &settings), 0);
}

static void end(void)
{
	address_book_free(book);
	state_close(state);
	unlink(path_of("addresses.json"));
}

/* One more address that the book didn't know. */
static void change(unsigned number)
{
	struct message_entry entry = {0};
	struct address source;
	char text[ADDRESS_TEXT_BYTES];
	snprintf(text, sizeof text, "198.51.100.%u:5999", number);
	CU_ASSERT_FATAL(address_parse(text, &entry.address) && address_from_host("192.0.2.9", 1, &source));
	CU_ASSERT_EQUAL(address_book_hear(book, &entry, 1, &source, clock_now_us()), 1);
}

static size_t saved_count(void)
{
	struct address_records records;
	state_load_addresses(state, MOST, &records);
	size_t count = records.count;
	address_records_fini(&records);
	return count;
}

static void take_a_nap(void)
{
	static const struct timespec nap = {.tv_nsec = 1000 * 1000};
	nanosleep(&nap, NULL);
}

static bool comes_to_be_saved(size_t count)
{
	int64_t deadline_us = clock_now_us() + LATE_US;
	while (saved_count() != count && clock_now_us() < deadline_us)
		take_a_nap();
	return saved_count() == count;
}

static void what_changes_is_saved(void)
{
	begin(SOON_US);
	for (unsigned number = 1; number <= 3; number++) {
		change(number);
		EXPECT(comes_to_be_saved(number), "%zu", saved_count());
	}
	saver_finish(&saver);
	saver_stop(&saver);
	end();
}

static void a_stop_saves_what_has_changed(void)
{
	begin(HOUR_US);
	change(1);
	saver_finish(&saver);
	saver_stop(&saver);
	CU_ASSERT_EQUAL(saved_count(), 1);
	end();
}

/* The times of those that are connected have moved on. */
static void a_stop_saves_without_a_change_too(void)
{
	begin(SOON_US);
	change(1);
	CU_ASSERT(comes_to_be_saved(1));
	CU_ASSERT_EQUAL(unlink(path_of("addresses.json")), 0);
	saver_finish(&saver);
	saver_stop(&saver);
	CU_ASSERT_EQUAL(saved_count(), 1);
	end();
}

/* Peers leave meanwhile, which changes the book. */
static void what_changes_after_the_finish_is_not_saved(void)
{
	begin(HOUR_US);
	change(1);
	saver_finish(&saver);
	change(2);
	change(3);
	saver_stop(&saver);
	CU_ASSERT_EQUAL(saved_count(), 1);
	end();
}

static void another_interval_holds_at_once(void)
{
	begin(HOUR_US);
	change(1);
	settings.save_interval_us = SOON_US;
	alarm_ring(&saver.alarm);
	CU_ASSERT(comes_to_be_saved(1));
	saver_finish(&saver);
	saver_stop(&saver);
	end();
}

/* Has this much been logged since the log is captured? */
static bool comes_to_be_logged(const char *text)
{
	char log[4096];
	int64_t deadline_us = clock_now_us() + LATE_US;
	do {
		ssize_t length = pread(STDERR_FILENO, log, sizeof log - 1, 0);
		log[length < 0 ? 0 : length] = '\0';
		if (strstr(log, text) != NULL)
			return true;
		take_a_nap();
	} while (clock_now_us() < deadline_us);
	return false;
}

static size_t count_lines(const char *text)
{
	size_t count = 0;
	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

/* Each try makes a temporary file and removes it, which the time of the folder tells. */
static bool tries_again(void)
{
	struct stat before, now;
	int64_t deadline_us = clock_now_us() + LATE_US;
	CU_ASSERT_FATAL(stat(folder, &before) == 0);
	do {
		take_a_nap();
		CU_ASSERT_FATAL(stat(folder, &now) == 0);
	} while (memcmp(&now.st_mtim, &before.st_mtim, sizeof now.st_mtim) == 0 && clock_now_us() < deadline_us);
	return memcmp(&now.st_mtim, &before.st_mtim, sizeof now.st_mtim) != 0;
}

static void a_save_that_fails_is_logged_once_and_tried_again(void)
{
	begin(SOON_US);
	capture_log(LOG_INFO);
	CU_ASSERT_FATAL(mkdir(path_of("addresses.json"), 0700) == 0);
	change(1);
	CU_ASSERT(comes_to_be_logged("/addresses.json cannot be saved: addresses.json is a folder"));
	for (int i = 0; i < 3; i++)
		CU_ASSERT(tries_again());
	CU_ASSERT_FATAL(rmdir(path_of("addresses.json")) == 0);
	CU_ASSERT(comes_to_be_logged("/addresses.json is saved again"));
	CU_ASSERT_EQUAL(saved_count(), 1);
	change(2);
	CU_ASSERT(comes_to_be_saved(2));
	saver_finish(&saver);
	saver_stop(&saver);
	const char *log = captured_log();
	EXPECT(count_lines(log) == 2, "%s", log);
	end();
}

static CU_TestInfo tests[] = {
	{"what changes is saved", what_changes_is_saved},
	{"a stop saves what has changed", a_stop_saves_what_has_changed},
	{"a stop saves without a change too", a_stop_saves_without_a_change_too},
	{"what changes after the finish is not saved", what_changes_after_the_finish_is_not_saved},
	{"another interval holds at once", another_interval_holds_at_once},
	{"a save that fails is logged once and tried again", a_save_that_fails_is_logged_once_and_tried_again},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_saver = {.pName = "saver", .pInitFunc = set_up, .pCleanupFunc = tear_down, .pTests = tests};
