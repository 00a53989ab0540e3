#include "kith/command.h"

#include <string.h>

#include "base/text.h"

static void print_option(enum option_id id)
{
	const struct option_kind *kind = &option_kinds[id];
	char text[64];
	const char *gap = kind->argument == NULL || kind->argument[0] == '[' ? "" : " ";
	snprintf(text, sizeof text, "%c%c%c --%s%s%s", kind->letter == '\0' ? ' ' : '-',
		 kind->letter == '\0' ? ' ' : kind->letter, kind->letter == '\0' ? ' ' : ',', kind->name, gap,
		 kind->argument == NULL ? "" : kind->argument);
	printf("  %-24s  %s\n", text, kind->help);
}

void command_print_help(void)
{
	printf("usage: kith [-s PATH | -n NAME] [COMMAND [OPTION]... [OPERAND]...]\n"
	       "Asks and steers a kithd on this machine.\n\n");
	for (size_t i = 0; i < command_count; i++) {
		const struct command_kind *kind = &command_kinds[i];
		char text[64];
		snprintf(text, sizeof text, "%s%s%s", kind->name, kind->operands[0] == '\0' ? "" : " ", kind->operands);
		printf("  %-24s  %s\n", text, kind->help);
	}
	printf("\n");
	for (enum option_id id = OPTION_NONE + 1; id <= OPTION_LAST_BEFORE; id++)
		print_option(id);
	printf("\nkith COMMAND -h says more. kith(1) says all.\n");
}

static void print_columns(const struct list *list)
{
	printf("\nColumns; those with a star are shown without -o:\n");
	for (const struct list_column *column = list->columns; column->name != NULL; column++)
		printf("  %c %-10s  %s\n", column->is_usual ? '*' : ' ', column->name, column->help);
}

void command_print_help_of(const struct command_kind *kind)
{
	printf("usage: kith %s [OPTION]...%s%s\n%c%s.\n\n", kind->name, kind->operands[0] == '\0' ? "" : " ",
	       kind->operands, kind->help[0] - 'a' + 'A', kind->help + 1);
	for (const enum option_id *id = kind->options; *id != OPTION_NONE; id++)
		print_option(*id);
	for (enum option_id id = OPTION_NONE + 1; id <= OPTION_LAST_OF_ALL; id++)
		print_option(id);
	if (kind->list != NULL)
		print_columns(kind->list);
}

enum outcome run_help(const struct command_kind *kind, const struct options *options)
{
	if (options->operand_count == 0) {
		command_print_help();
		return OUTCOME_DONE;
	}
	kind = command_find(options->operands[0]);
	if (kind == NULL)
		return complain(OUTCOME_WRONG_USAGE, "there is no command \"%s\"; kith -h lists them",
				options->operands[0]);
	command_print_help_of(kind);
	return OUTCOME_DONE;
}
