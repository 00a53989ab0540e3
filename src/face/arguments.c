#include "face/arguments.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "face/versions.h"

#define DEFAULT_FILE KITH_SYSCONFDIR "/kith/kith.conf"
const char arguments_default_file[] = DEFAULT_FILE;

/* An option without a letter. */
enum { OPTION_NEW_SECRET = 256 };

static const char usage[] =
	"usage: kithd [-c FILE] [-l HOST:PORT]... [-b HOST:PORT]... [-o SETTING=VALUE]... [-v] [-t] [-V] [-h]\n"
	"       kithd --new-secret\n";

static const char help[] =
	"A peer-to-peer node: finds its peers, stays connected, and knows who is alive.\n"
	"\n"
	"  -c, --config FILE           read settings from FILE instead of " DEFAULT_FILE "\n"
	"  -l, --listen HOST:PORT      listen there instead of where the file says; may be repeated\n"
	"  -b, --bootstrap HOST:PORT   dial this node too; may be repeated\n"
	"  -o, --option SETTING=VALUE  set any setting; beats the file\n"
	"  -v, --verbose               log one level more; may be repeated\n"
	"  -t, --test                  check the settings and the secrets, and exit\n"
	"      --new-secret            print a new secret for a secret_file and exit:\n"
	"                              (umask 077; kithd --new-secret >FILE)\n"
	"  -V, --version               print the version and exit\n"
	"  -h, --help                  print this and exit\n"
	"\n"
	"SIGUSR1 prints the peer table to stdout, SIGHUP reads the settings and the\n"
	"secrets again, SIGINT and SIGTERM stop the node.\n"
	"kithd(8), kith.conf(5) and kith-protocol(7) say more.\n";

void arguments_complain(const char *text)
{
	char line[PROBLEM_BYTES * 2];
	if (log_format() == LOG_JSON) {
		log_error("%s", text);
		return;
	}
	text_escape_marked(line, sizeof line, text, strlen(text), false);
	/* The priority of an error, for the journal. */
	fprintf(stderr, "%skithd: %s\n", log_goes_to_journal() ? "<3>" : "", line);
}

static int usage_error(const char *what, const char *word)
{
	struct problem problem;
	problem_set(&problem, "%s %s; kithd --help lists the options", word, what);
	arguments_complain(problem.text);
	return STATUS_USAGE;
}

/* The option that getopt_long has refused: one letter of several, or a word. */
static const char *refused(char **argv, const char *letters)
{
	static char option[] = "-x";
	bool is_letter = optopt > 0 && optopt <= 127 && strncmp(argv[optind - 1], "--", 2) != 0;
	/* "-xv" is not over yet, and the word before it may be anything; "--test=yes" has the letter of --test. */
	if (!is_letter && (optopt == 0 || optopt > 127 || strchr(letters, optopt) != NULL))
		return argv[optind - 1];
	option[1] = (char)optopt;
	return option;
}

static bool append(const char **list, size_t *count, const char *text)
{
	if (*count == ARGUMENTS_MOST)
		return false;
	list[(*count)++] = text;
	return true;
}

/* What has no hyphen: the value of an -o that has none, or a node to dial. */
static int wrong_operand(const struct arguments *arguments, const char *word)
{
	struct problem problem;
	for (size_t i = 0; i < arguments->option_count; i++) {
		const char *option = arguments->options[i];
		if (strchr(option, '=') != NULL)
			continue;
		problem_set(&problem, "-o %.200s has no value: write -o %.200s=%.200s", option, option, word);
		arguments_complain(problem.text);
		return STATUS_USAGE;
	}
	return usage_error("is not an option: to dial a node, write -b HOST:PORT", word);
}

static const char letters[] = ":c:l:b:o:vtVh";
static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"listen", required_argument, NULL, 'l'},
	{"bootstrap", required_argument, NULL, 'b'},
	{"option", required_argument, NULL, 'o'},
	{"verbose", no_argument, NULL, 'v'},
	{"test", no_argument, NULL, 't'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{"new-secret", no_argument, NULL, OPTION_NEW_SECRET},
	{NULL, 0, NULL, 0},
};

int arguments_parse(struct arguments *arguments, int argc, char **argv)
{
	bool good = true;
	int option;
	opterr = 0;
	while (good && (option = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			arguments->file = optarg;
			break;
		case 'l':
			good = append(arguments->listen, &arguments->listen_count, optarg);
			break;
		case 'b':
			good = append(arguments->bootstrap, &arguments->bootstrap_count, optarg);
			break;
		case 'o':
			good = append(arguments->options, &arguments->option_count, optarg);
			break;
		case 'v':
			arguments->verbose++;
			break;
		case 't':
			arguments->only_test = true;
			break;
		case 'V':
			versions_print();
			return STATUS_STOPPED;
		case 'h':
			fputs(usage, stdout);
			fputs(help, stdout);
			return STATUS_STOPPED;
		case OPTION_NEW_SECRET:
			arguments->wants_secret = true;
			break;
		case ':':
			return usage_error("needs a value", refused(argv, letters));
		default:
			return usage_error("is not an option", refused(argv, letters));
		}
	}
	if (!good)
		return usage_error("is given too many times", argv[optind - 2]);
	if (optind < argc && arguments->wants_secret)
		return usage_error("is one argument too many: (umask 077; kithd --new-secret >FILE)", argv[optind]);
	if (optind < argc)
		return wrong_operand(arguments, argv[optind]);
	return -1;
}

/* A folder that hides it from the user whom kithd has become doesn't make it go away. */
const char *arguments_file(const struct arguments *arguments)
{
	if (arguments->file == NULL && (access(DEFAULT_FILE, F_OK) == 0 || errno == EACCES))
		return DEFAULT_FILE;
	return arguments->file;
}

bool arguments_read_settings(const struct arguments *arguments, struct settings *settings, bool (*interrupted)(void),
			     struct problem *problem)
{
	const char *file = arguments_file(arguments), *state_dir = getenv("STATE_DIRECTORY");
	if (state_dir != NULL && state_dir[0] != '\0' &&
	    !settings_set_state_dir(settings, state_dir, "$STATE_DIRECTORY", problem))
		return false;
	if (file != NULL && !settings_read_file(settings, file, interrupted, problem))
		return false;
	for (size_t i = 0; i < arguments->option_count; i++)
		if (!settings_set_option(settings, arguments->options[i], problem))
			return false;
	if (arguments->listen_count > 0 &&
	    !settings_set_listen(settings, arguments->listen, arguments->listen_count, "-l", problem))
		return false;
	for (size_t i = 0; i < arguments->bootstrap_count; i++)
		if (!settings_add_bootstrap(settings, arguments->bootstrap[i], "-b", problem))
			return false;
	return settings_choose_listen(settings, problem) && settings_check(settings, problem);
}

enum log_level arguments_log_level(const struct arguments *arguments, const struct settings *settings)
{
	enum log_level level = (enum log_level)(settings->log_level + arguments->verbose);
	return level > LOG_DEBUG ? LOG_DEBUG : level;
}
