#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/sync.h"
#include "runner.h"
#include "settings/settings.h"
#include "unit/suites.h"

enum { READERS = 2, RELOADS = 300 };

struct scene {
	struct settings running;
	atomic_bool is_done;
	atomic_uint reads, torn;
};

/* Texts of reload N are "N" in all places, so a mixture shows. */
static bool is_whole(const struct settings_texts *texts)
{
	return texts->bootstrap_count == 1 && strcmp(texts->name, texts->bootstrap[0].host) == 0 &&
	       texts->allow.count == 1;
}

static void *read_on(void *argument)
{
	struct scene *scene = argument;
	while (!scene->is_done) {
		const struct settings_texts *texts = settings_hold_texts(&scene->running);
		if (!is_whole(texts))
			scene->torn++;
		scene->reads++;
		settings_release_texts(texts);
	}
	return NULL;
}

static void read_number(struct settings *settings, unsigned number)
{
	struct problem problem;
	char option[64];
	CU_ASSERT_TRUE_FATAL(settings_init(settings));
	snprintf(option, sizeof option, "name=n%u", number);
	EXPECT(settings_set_option(settings, option, &problem), "%s", problem.text);
	snprintf(option, sizeof option, "bootstrap=n%u", number);
	EXPECT(settings_set_option(settings, option, &problem), "%s", problem.text);
	EXPECT(settings_set_option(settings, "allow=10.0.0.0/8", &problem), "%s", problem.text);
}

static void threads_read_whole_texts_while_others_are_taken_over(void)
{
	static struct scene scene;
	struct thread threads[READERS];
	char name[MESSAGE_TEXT_BYTES];
	read_number(&scene.running, 0);
	const struct settings_texts *first = settings_hold_texts(&scene.running);
	for (size_t i = 0; i < READERS; i++)
		CU_ASSERT_EQUAL_FATAL(thread_start(&threads[i], read_on, &scene), 0);
	for (unsigned i = 1; i <= RELOADS || scene.reads < RELOADS; i++) {
		enum settings_change changes[SETTING_COUNT];
		struct settings fresh;
		read_number(&fresh, i % 1000);
		settings_take_over(&scene.running, &fresh, changes);
		settings_fini(&fresh);
		snprintf(name, sizeof name, "n%u", i % 1000);
		EXPECT(strcmp(scene.running.texts->name, name) == 0, "%s", scene.running.texts->name);
	}
	scene.is_done = true;
	for (size_t i = 0; i < READERS; i++)
		thread_join(threads[i]);
	CU_ASSERT_EQUAL(scene.torn, 0);
	CU_ASSERT_STRING_EQUAL(first->name, "n0");
	settings_release_texts(first);
	settings_fini(&scene.running);
}

static void texts_outlive_their_settings_while_they_are_held(void)
{
	struct settings settings;
	read_number(&settings, 7);
	const struct settings_texts *texts = settings_hold_texts(&settings);
	settings_fini(&settings);
	CU_ASSERT_STRING_EQUAL(texts->name, "n7");
	settings_release_texts(texts);
	settings_release_texts(NULL);
}

/* Reading settings from a file and taking them over has to fit on the 64 KiB stack of a thread of ours. */
static void *reload_once(void *argument)
{
	static char many[SETTINGS_LIST_ENTRIES * 8];
	struct settings *running = argument, fresh;
	enum settings_change changes[SETTING_COUNT];
	struct problem problem;
	char shown[400], path[64];
	FILE *file = tmpfile();
	if (!EXPECT(file != NULL, "no file"))
		/* cppcheck-suppress resourceLeak; there is none */
		return NULL;
	for (size_t i = 0; i < SETTINGS_LIST_ENTRIES; i++)
		strcat(many, "\"n\", ");
	many[strlen(many) - 2] = '\0';
	fprintf(file, "name = \"alpha\"; bootstrap = [%s];\n", many);
	fflush(file);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fileno(file));
	settings_init(&fresh);
	EXPECT(settings_read_file(&fresh, path, NULL, &problem) && settings_check(&fresh, &problem), "%s",
	       problem.text);
	settings_take_over(running, &fresh, changes);
	settings_format(running, SETTING_BOOTSTRAP, shown, sizeof shown);
	settings_fini(&fresh);
	fclose(file);
	return NULL;
}

static void a_reload_fits_on_the_stack_of_a_thread(void)
{
	struct settings running;
	struct thread thread;
	settings_init(&running);
	CU_ASSERT_EQUAL_FATAL(thread_start(&thread, reload_once, &running), 0);
	thread_join(thread);
	CU_ASSERT_STRING_EQUAL(running.texts->name, "alpha");
	CU_ASSERT_EQUAL(running.texts->bootstrap_count, SETTINGS_LIST_ENTRIES);
	settings_fini(&running);
}

static CU_TestInfo tests[] = {
	{"threads read whole texts while others are taken over", threads_read_whole_texts_while_others_are_taken_over},
	{"texts outlive their settings while they are held", texts_outlive_their_settings_while_they_are_held},
	{"a reload fits on the stack of a thread", a_reload_fits_on_the_stack_of_a_thread},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_settings_texts = {.pName = "settings_texts", .pTests = tests};
