#include <locale.h>
#include <string.h>

#include "base/text.h"
#include "kith/command.h"
#include "kith/versions.h"

/* What is run without a command. */
#define USUAL_COMMAND "status"

/* As far as it could be what is meant: that begins so, or is misspelt by little. NULL for none. */
static const struct command_kind *nearest_command(const char *name)
{
	const struct command_kind *nearest = &command_kinds[0];
	for (size_t i = 0; i < command_count; i++) {
		if (strncmp(name, command_kinds[i].name, strlen(name)) == 0)
			return &command_kinds[i];
		if (text_distance(name, command_kinds[i].name) < text_distance(name, nearest->name))
			nearest = &command_kinds[i];
	}
	return text_distance(name, nearest->name) <= 2 ? nearest : NULL;
}

static enum outcome complain_of_command(const char *name)
{
	const struct command_kind *nearest = nearest_command(name);
	if (nearest != NULL)
		return complain(OUTCOME_WRONG_USAGE, "there is no command \"%s\"; did you mean \"%s\"?", name,
				nearest->name);
	return complain(OUTCOME_WRONG_USAGE, "there is no command \"%s\"; kith -h lists them", name);
}

static enum outcome complain_of_operands(const struct command_kind *kind, size_t count)
{
	if (kind->most == 0)
		return complain(OUTCOME_WRONG_USAGE, "kith %s takes no operands; kith %s -h says what it takes",
				kind->name, kind->name);
	return complain(OUTCOME_WRONG_USAGE, "%s: write kith %s %s",
			count < kind->least ? "too few words" : "too many words", kind->name, kind->operands);
}

static bool prints_help(const struct options *options, const struct command_kind *kind)
{
	if (option_is_given(options, OPTION_VERSION))
		kith_versions_print();
	else if (option_is_given(options, OPTION_HELP) && kind == NULL)
		command_print_help();
	else if (option_is_given(options, OPTION_HELP))
		command_print_help_of(kind);
	else
		return false;
	return true;
}

static enum outcome run(int argc, char **argv)
{
	static char usual[] = USUAL_COMMAND, *usual_argv[] = {usual, NULL};
	struct options options = {0};
	struct problem problem;
	int used;
	if (!options_parse_common(&options, argc, argv, &used, &problem))
		return complain(OUTCOME_WRONG_USAGE, "%s", problem.text);
	argc -= used;
	argv += used;
	if (argc == 0 && prints_help(&options, NULL))
		return OUTCOME_DONE;
	if (argc == 0) {
		argv = usual_argv;
		argc = 1;
	}
	const struct command_kind *kind = command_find(argv[0]);
	if (kind == NULL)
		return complain_of_command(argv[0]);
	if (!options_parse_own(&options, kind->options, argc, argv, &problem))
		return complain(OUTCOME_WRONG_USAGE, "%s", problem.text);
	if (prints_help(&options, kind))
		return OUTCOME_DONE;
	if (options.operand_count < kind->least || options.operand_count > kind->most)
		return complain_of_operands(kind, options.operand_count);
	return kind->run(kind, &options);
}

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "");
	enum outcome outcome = run(argc, argv);
	/* What could not be written has not been done. */
	if (!outcome_flush(stdout) && outcome == OUTCOME_DONE)
		outcome = OUTCOME_SYSTEM_FAILS;
	return (int)outcome;
}
