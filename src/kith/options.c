#include "kith/options.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

const struct option_kind option_kinds[OPTION_IDS] = {
	[OPTION_SOCKET] = {"socket", "PATH", "ask the node with this control socket, or in this directory",
			   COMPLETES_FILES, 's'},
	[OPTION_NAME] = {"name", "NAME", "ask the node of this name, if several run here", COMPLETES_NODES, 'n'},
	[OPTION_HELP] = {"help", NULL, "print help, of a command too, and exit", COMPLETES_NOTHING, 'h'},
	[OPTION_VERSION] = {"version", NULL, "print the version and exit", COMPLETES_NOTHING, 'V'},
	[OPTION_JSON] = {"json", NULL, "print the rows as the node sends them, one JSON object a line",
			 COMPLETES_NOTHING, 'j'},
	[OPTION_COLUMNS] = {"output", "COLUMN,...", "print these columns; +COLUMN,... adds some", COMPLETES_COLUMNS,
			    'o'},
	[OPTION_RAW] = {"raw", NULL, "single spaces, numbers without units", COMPLETES_NOTHING, 'r'},
	[OPTION_NO_HEADINGS] = {"noheadings", NULL, "print no line of headings", COMPLETES_NOTHING, '\0'},
	[OPTION_WATCH] = {"watch", "[=SECONDS]", "print it again and again, every 2 seconds by default",
			  COMPLETES_NOTHING, '\0'},
	[OPTION_SINCE] = {"since", "SINCE", "begin so long ago, as in 10m, or after the event of this number",
			  COMPLETES_NOTHING, 'S'},
	[OPTION_INTERVAL] = {"interval", "SECONDS", "refresh so often; every 2 seconds by default", COMPLETES_NOTHING,
			     'd'},
	[OPTION_COUNT] = {"count", "COUNT", "how many times", COMPLETES_NOTHING, 'c'},
	[OPTION_TIMEOUT] = {"timeout", "SECONDS", "how long a command may take, 30 by default", COMPLETES_NOTHING,
			    '\0'},
	[OPTION_INITIAL] = {"initial", NULL, "first run it for each peer that is connected now", COMPLETES_NOTHING,
			    '\0'},
	[OPTION_CURSOR] = {"cursor", "FILE", "remember there how far it has come, to go on from there", COMPLETES_FILES,
			   '\0'},
	[OPTION_MIN_PEERS] = {"min-peers", "N", "warn of fewer peers", COMPLETES_NOTHING, '\0'},
	[OPTION_MIN_PEERS_CRITICAL] = {"min-peers-critical", "N", "fewer peers are critical, 1 by default",
				       COMPLETES_NOTHING, '\0'},
	[OPTION_MAX_RTT] = {"max-rtt", "MS", "warn of a longer round trip, in the median of the peers",
			    COMPLETES_NOTHING, '\0'},
	[OPTION_MAX_RTT_CRITICAL] = {"max-rtt-critical", "MS", "a longer one is critical", COMPLETES_NOTHING, '\0'},
	[OPTION_WRITE] = {"write", "FILE", "replace this file instead, at once", COMPLETES_FILES, 'w'},
	[OPTION_PEERS] = {"peers", "N", "add the N peers with the longest round trips", COMPLETES_NOTHING, '\0'},
	[OPTION_DOT] = {"dot", NULL, "print a graph for Graphviz", COMPLETES_NOTHING, '\0'},
	[OPTION_SVG] = {"svg", NULL, "print a picture", COMPLETES_NOTHING, '\0'},
	[OPTION_LISTEN] = {"listen", "ADDRESS", "listen there; 127.0.0.1:7999 by default", COMPLETES_NOTHING, 'l'},
	[OPTION_HOST] = {"host", "NAME,...", "answer to these host names too", COMPLETES_NOTHING, '\0'},
	[OPTION_HTML] = {"html", NULL, "print a page for a browser, in one file", COMPLETES_NOTHING, '\0'},
};

/* What getopt_long returns for an option without a letter. */
enum { NO_LETTER = 256, MOST = OPTION_IDS };

struct grammar {
	struct option words[MOST + 1];
	char letters[2 + 2 * MOST + 1];
	size_t count;
};

static bool is_argument_optional(const struct option_kind *kind)
{
	return kind->argument != NULL && kind->argument[0] == '[';
}

static void add_option(struct grammar *grammar, enum option_id id)
{
	const struct option_kind *kind = &option_kinds[id];
	int has = kind->argument == NULL ? no_argument
					 : (is_argument_optional(kind) ? optional_argument : required_argument);
	must(grammar->count < MOST);
	grammar->words[grammar->count++] = (struct option){kind->name, has, NULL, NO_LETTER + (int)id};
	if (kind->letter == '\0')
		return;
	size_t length = strlen(grammar->letters);
	grammar->letters[length++] = kind->letter;
	if (has == required_argument)
		grammar->letters[length++] = ':';
	grammar->letters[length] = '\0';
}

static void add_common(struct grammar *grammar, enum option_id last)
{
	for (enum option_id id = OPTION_NONE + 1; id <= last; id++)
		add_option(grammar, id);
}

/* Which of those in the grammar getopt_long has found. */
static enum option_id find_option(const struct grammar *grammar, int found)
{
	for (size_t i = 0; i < grammar->count; i++) {
		enum option_id id = (enum option_id)(grammar->words[i].val - NO_LETTER);
		if (found == grammar->words[i].val || found == option_kinds[id].letter)
			return id;
	}
	return OPTION_NONE;
}

static bool refuse(int found, char **argv, struct problem *problem)
{
	const char *word = argv[optind - 1];
	char letter[] = {'-', (char)optopt, '\0'};
	bool is_letter = optopt > 0 && optopt < NO_LETTER && strncmp(word, "--", 2) != 0;
	if (found == ':')
		return problem_set(problem, "%s has no value; kith -h lists the options", is_letter ? letter : word);
	return problem_set(problem, "there is no option %s here; kith -h lists the options", is_letter ? letter : word);
}

static bool parse(struct options *options, const struct grammar *grammar, int argc, char **argv,
		  struct problem *problem)
{
	int found;
	opterr = 0;
	optind = 0;
	while ((found = getopt_long(argc, argv, grammar->letters, grammar->words, NULL)) != -1) {
		if (found == ':' || found == '?')
			return refuse(found, argv, problem);
		options->values[find_option(grammar, found)] = optarg == NULL ? "" : optarg;
	}
	return true;
}

bool options_parse_common(struct options *options, int argc, char **argv, int *used, struct problem *problem)
{
	struct grammar grammar = {.letters = "+:"};
	add_common(&grammar, OPTION_LAST_BEFORE);
	if (!parse(options, &grammar, argc, argv, problem))
		return false;
	*used = optind;
	return true;
}

static bool takes(const enum option_id *own, enum option_id id)
{
	while (*own != OPTION_NONE && *own != id)
		own++;
	return *own == id || id <= OPTION_LAST_OF_ALL;
}

bool options_parse_own(struct options *options, const enum option_id *own, int argc, char **argv,
		       struct problem *problem)
{
	struct grammar grammar = {.letters = ":"};
	int dashes = 1;
	add_common(&grammar, OPTION_LAST_OF_ALL);
	for (const enum option_id *id = own; *id != OPTION_NONE; id++)
		add_option(&grammar, *id);
	while (dashes < argc && strcmp(argv[dashes], "--") != 0)
		dashes++;
	if (!parse(options, &grammar, argc, argv, problem))
		return false;
	options->operands = argv + optind;
	options->operand_count = (size_t)(argc - optind);
	size_t after_dashes = dashes < argc ? (size_t)(argc - dashes - 1) : 0;
	must(after_dashes <= options->operand_count);
	options->before_dashes = options->operand_count - after_dashes;
	for (enum option_id id = OPTION_NONE + 1; id <= OPTION_LAST_BEFORE; id++) {
		char text[OPTION_TEXT_BYTES];
		option_format(id, text);
		if (option_is_given(options, id) && !takes(own, id))
			return problem_set(problem, "kith %s takes no %s; kith %s -h says what it takes", argv[0], text,
					   argv[0]);
	}
	return true;
}

bool option_is_given(const struct options *options, enum option_id id)
{
	return options->values[id] != NULL;
}

bool option_number(const struct options *options, enum option_id id, double least, double most, double otherwise,
		   double *number, struct problem *problem)
{
	const char *text = options->values[id];
	char *end, option[OPTION_TEXT_BYTES];
	*number = otherwise;
	if (text == NULL || (text[0] == '\0' && is_argument_optional(&option_kinds[id])))
		return true;
	*number = strtod(text, &end);
	if (end != text && *end == '\0' && isfinite(*number) && *number >= least && *number <= most)
		return true;
	option_format(id, option);
	return problem_set(problem, "%s: \"%s\" is not a number from %.15g to %.15g", option, text, least, most);
}

void option_format(enum option_id id, char out[static OPTION_TEXT_BYTES])
{
	const struct option_kind *kind = &option_kinds[id];
	if (kind->letter != '\0')
		snprintf(out, OPTION_TEXT_BYTES, "-%c", kind->letter);
	else
		snprintf(out, OPTION_TEXT_BYTES, "--%s", kind->name);
}
