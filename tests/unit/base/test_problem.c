#include "base/problem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "runner.h"
#include "unit/suites.h"

static void it_is_the_line_that_was_set(void)
{
	struct problem problem;
	CU_ASSERT_FALSE(problem_set(&problem, "\"%s\" has no port: write \"%s:%d\"", "10.0.0.7", "10.0.0.7", 5999));
	CU_ASSERT_STRING_EQUAL(problem.text, "\"10.0.0.7\" has no port: write \"10.0.0.7:5999\"");
	CU_ASSERT_FALSE(problem.lacks_memory);
}

static void the_place_stands_in_front(void)
{
	struct problem problem;
	problem_set(&problem, "has no value");
	CU_ASSERT_FALSE(problem_prefix(&problem, "%s: ", "name"));
	CU_ASSERT_FALSE(problem_prefix(&problem, "%s:%d: ", "/etc/kith.conf", 7));
	CU_ASSERT_STRING_EQUAL(problem.text, "/etc/kith.conf:7: name: has no value");
}

static void lack_of_memory_is_told_from_what_is_wrong(void)
{
	struct problem problem;
	CU_ASSERT_FALSE(problem_set_lacks_memory(&problem));
	CU_ASSERT(problem.lacks_memory);
	problem_prefix(&problem, "name: ");
	CU_ASSERT(problem.lacks_memory);
	EXPECT(strstr(problem.text, strerror(ENOMEM)) != NULL, "%s", problem.text);
	problem_set(&problem, "has no value");
	CU_ASSERT_FALSE(problem.lacks_memory);
}

static void a_long_line_loses_its_middle_alone(void)
{
	/* Each shift cuts other characters in two. */
	for (int shift = 0; shift < 4; shift++) {
		char path[8000] = "";
		struct problem problem;
		for (size_t i = 0; i < 1500; i++)
			strcat(path, "\xf0\x9f\x8c\xb3");
		problem_set(&problem, "%.*scannot read \"%s\": name another file", shift, "xxx", path);
		problem_prefix(&problem, "here: ");
		size_t length = strlen(problem.text);
		EXPECT(length > PROBLEM_BYTES - 24, "%zu bytes are left", length);
		EXPECT(strncmp(problem.text + 6 + shift, "cannot read \"", 13) == 0, "begins with %.40s", problem.text);
		EXPECT(strstr(problem.text, " ... ") != NULL, "%s", problem.text);
		EXPECT(strcmp(problem.text + length - 20, "\": name another file") == 0, "ends with %s",
		       problem.text + length - 30);
		EXPECT(text_is_plain(problem.text, length), "%s", problem.text);
	}
}

static void the_longest_line_is_kept_whole(void)
{
	char line[PROBLEM_BYTES];
	struct problem problem;
	memset(line, 'x', sizeof line - 1);
	line[sizeof line - 1] = '\0';
	problem_set(&problem, "%s", line);
	CU_ASSERT_STRING_EQUAL(problem.text, line);
}

static CU_TestInfo tests[] = {
	{"it is the line that was set", it_is_the_line_that_was_set},
	{"the place stands in front", the_place_stands_in_front},
	{"lack of memory is told from what is wrong", lack_of_memory_is_told_from_what_is_wrong},
	{"a long line loses its middle alone", a_long_line_loses_its_middle_alone},
	{"the longest line is kept whole", the_longest_line_is_kept_whole},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_problem = {.pName = "problem", .pTests = tests};
