#include "kith/options.h"

#include <string.h>

#include "kith/command.h"
#include "runner.h"
#include "unit/suites.h"

enum { WORDS = 16 };

/* Parses the words, which are separated by spaces, as kith does. False with a problem. */
static bool parse(struct options *options, const char *line, const char **command, struct problem *problem)
{
	static char text[256], *argv[WORDS + 1];
	int argc = 0, used;
	char *rest = text;
	snprintf(text, sizeof text, "kith %s", line);
	for (char *word = strtok_r(text, " ", &rest); word != NULL && argc < WORDS; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	argv[argc] = NULL;
	*options = (struct options){0};
	if (!options_parse_common(options, argc, argv, &used, problem))
		return false;
	*command = argv[used];
	const struct command_kind *kind = command_find(*command);
	CU_ASSERT_PTR_NOT_NULL_FATAL(kind);
	return options_parse_own(options, kind->options, argc - used, argv + used, problem);
}

static void options_stand_anywhere(void)
{
	static const char *const lines[] = {"-s x peers -r -o a,b", "peers -s x --raw --output=a,b",
					    "--raw -oa,b peers --socket x"};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct options options;
		struct problem problem;
		const char *command;
		EXPECT(parse(&options, lines[i], &command, &problem), "%s: %s", lines[i], problem.text);
		EXPECT(strcmp(command, "peers") == 0 && strcmp(options.values[OPTION_SOCKET], "x") == 0 &&
			       strcmp(options.values[OPTION_COLUMNS], "a,b") == 0 &&
			       option_is_given(&options, OPTION_RAW) && !option_is_given(&options, OPTION_JSON) &&
			       options.operand_count == 0,
		       "%s", lines[i]);
	}
}

static void operands_are_told_from_options(void)
{
	struct options options;
	struct problem problem;
	const char *command;
	CU_ASSERT(parse(&options, "watch peer_up -S 5 peer_down", &command, &problem));
	CU_ASSERT_EQUAL(options.operand_count, 2);
	CU_ASSERT_EQUAL(options.before_dashes, 2);
	CU_ASSERT_STRING_EQUAL(options.operands[1], "peer_down");
	CU_ASSERT(parse(&options, "on peer_up -- ls -s x", &command, &problem));
	CU_ASSERT_EQUAL(options.operand_count, 4);
	CU_ASSERT_EQUAL(options.before_dashes, 1);
	CU_ASSERT_STRING_EQUAL(options.operands[1], "ls");
	CU_ASSERT(!option_is_given(&options, OPTION_SOCKET));
}

static void numbers(void)
{
	struct options options;
	struct problem problem;
	const char *command;
	double number;
	CU_ASSERT(parse(&options, "ping a", &command, &problem));
	CU_ASSERT(option_number(&options, OPTION_COUNT, 1, 9, 4, &number, &problem) && number == 4);
	CU_ASSERT(parse(&options, "ping a -c 9", &command, &problem));
	CU_ASSERT(option_number(&options, OPTION_COUNT, 1, 9, 4, &number, &problem) && number == 9);
	CU_ASSERT(!option_number(&options, OPTION_COUNT, 1, 8, 4, &number, &problem));
	CU_ASSERT_STRING_EQUAL(problem.text, "-c: \"9\" is not a number from 1 to 8");
	CU_ASSERT(parse(&options, "peers --watch", &command, &problem));
	CU_ASSERT(option_number(&options, OPTION_WATCH, 0.1, 9, 2, &number, &problem) && number == 2);
	CU_ASSERT(parse(&options, "--watch=0.5 peers", &command, &problem));
	CU_ASSERT(option_number(&options, OPTION_WATCH, 0.1, 9, 2, &number, &problem) && number == 0.5);
	CU_ASSERT(parse(&options, "--watch=nan peers", &command, &problem));
	CU_ASSERT(!option_number(&options, OPTION_WATCH, 0.1, 9, 2, &number, &problem));
}

/* The table says of each command what its functions rely on. */
static void each_command_is_described(void)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct command_kind *kind = &command_kinds[i];
		EXPECT(kind->run != NULL && kind->help[0] >= 'a' && kind->help[0] <= 'z' &&
			       kind->help[strlen(kind->help) - 1] != '.',
		       "%s", kind->name);
		EXPECT(kind->least <= kind->most && (kind->most > 0) == (kind->operands[0] != '\0'), "%s", kind->name);
		EXPECT(kind->options[COMMAND_OPTIONS] == OPTION_NONE, "%s has too many options", kind->name);
		CU_ASSERT_PTR_EQUAL(command_find(kind->name), kind);
	}
	CU_ASSERT_PTR_NULL(command_find("none"));
}

static CU_TestInfo tests[] = {
	{"options stand before and after the command", options_stand_anywhere},
	{"operands are told from options", operands_are_told_from_options},
	{"numbers have bounds", numbers},
	{"each command is described", each_command_is_described},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_options = {.pName = "options", .pTests = tests};
