#include "kith/command.h"

#include <string.h>

#include "kith/events.h"

/* ---- what all shells need ---- */

/* What asks the node for words, as arguments of kith; NULL for words that need no node. */
static const char *asks_for(enum completes completes)
{
	static const char *const asks[] = {
		[COMPLETES_NODES] = "local",
		[COMPLETES_PEERS] = "peers -o name",
		[COMPLETES_MEMBERS] = "nodes -o name",
		[COMPLETES_TAGS] = "nodes -o tags",
		[COMPLETES_ADDRESSES] = "addresses -o address",
		[COMPLETES_BANS] = "bans -o block",
		[COMPLETES_SETTINGS] = "settings -o name",
		[COMPLETES_SHELLS] = NULL,
	};
	return completes <= COMPLETES_SHELLS ? asks[completes] : NULL;
}

/*
 * Takes the words out of what is printed: one a line, or of tags several, with a comma and a space between them, which
 * is escaped. bash expands the words that it offers, command substitutions too, and some of them are names that
 * strangers have chosen: only words of harmless characters are taken. It is the same within the single quotes of all
 * shells.
 */
#define PICK_WORDS                                                                                                     \
	"'BEGIN { mark = sprintf(\"%c\", 92) } "                                                                       \
	"{ count = split($1, words, last == \"tags\" ? \",\" mark mark \"x20\" : \"\\n\"); "                           \
	"for (i = 1; i <= count; i++) "                                                                                \
	"if (words[i] ~ \"^([]A-Za-z0-9_.:@=+%,/[]|[^ -~])([]A-Za-z0-9_.:@=+%,/[-]|[^ -~])*$\" && !seen[words[i]]++) " \
	"print words[i] }'"

/* The words that are known without a node, each followed by a space. */
static void print_words(enum completes completes, const struct list *list)
{
	if (completes == COMPLETES_COMMANDS)
		for (size_t i = 0; i < command_count; i++)
			printf("%s ", command_kinds[i].name);
	else if (completes == COMPLETES_KINDS)
		for (size_t i = 0; i < event_words_count; i++)
			printf("%s ", event_words[i].kind);
	else if (completes == COMPLETES_SHELLS)
		fputs("bash zsh fish ", stdout);
	else if (completes == COMPLETES_COLUMNS && list != NULL)
		for (const struct list_column *column = list->columns; column->name != NULL; column++)
			printf("%s ", column->name);
}

typedef void visit_option(enum option_id id);

static void visit_common_options(visit_option *visit)
{
	for (enum option_id id = OPTION_NONE + 1; id <= OPTION_LAST_OF_ALL; id++)
		visit(id);
}

static void visit_options(const struct command_kind *kind, visit_option *visit)
{
	visit_common_options(visit);
	for (const enum option_id *id = kind->options; *id != OPTION_NONE; id++)
		visit(*id);
}

static bool needs_argument(enum option_id id)
{
	const char *argument = option_kinds[id].argument;
	return argument != NULL && argument[0] != '[';
}

/* ---- bash ---- */

static void print_bash_option(enum option_id id)
{
	if (option_kinds[id].letter != '\0')
		printf("-%c ", option_kinds[id].letter);
	printf("--%s ", option_kinds[id].name);
}

/* A pattern of case: "-s | --socket". */
static void print_pattern(enum option_id id)
{
	if (option_kinds[id].letter != '\0')
		printf("-%c | ", option_kinds[id].letter);
	printf("--%s", option_kinds[id].name);
}

/* Sets words for what is wanted. */
static void print_bash_wanted(enum completes completes, const struct list *list)
{
	if (completes == COMPLETES_FILES) {
		fputs("COMPREPLY=($(compgen -f -- \"$cur\")); return", stdout);
	} else if (asks_for(completes) != NULL) {
		printf("words=$(_kith_ask %s)", asks_for(completes));
	} else {
		fputs("words=\"", stdout);
		print_words(completes, list);
		putchar('"');
	}
}

/* What comes before the word that is completed: the node that is asked, and the command. */
static void print_bash_line(void)
{
	fputs("# Completion of kith(1) for bash: kith completion bash\n"
	      "_kith_ask()\n{\n"
	      "\ttimeout 2 \"$kith\" \"${node[@]}\" \"$@\" -r --noheadings 2>/dev/null |\n"
	      "\t\tenv LC_ALL=C awk -v last=\"${*: -1}\" " PICK_WORDS "\n}\n\n"
	      "_kith()\n{\n"
	      "\tlocal line=${COMP_LINE:0:COMP_POINT} typed node=() cur= command= options= words= word i\n"
	      "\t# Not those of COMP_WORDS, which are parted at colons.\n"
	      "\tread -ra typed <<<\"$line\"\n"
	      "\tif [[ $line != *[[:space:]] ]]; then\n"
	      "\t\tcur=${typed[-1]}\n"
	      "\t\tunset 'typed[-1]'\n"
	      "\tfi\n"
	      "\tlocal kith=${typed[0]} prev=${typed[-1]}\n"
	      "\tfor ((i = 1; i < ${#typed[@]}; i++)); do\n"
	      "\t\tword=${typed[i]}\n"
	      "\t\tcase $word in\n"
	      "\t\t-s | --socket | -n | --name) ((++i < ${#typed[@]})) && node+=(\"$word\" \"${typed[i]}\") ;;\n",
	      stdout);
	for (enum option_id id = OPTION_NAME + 1; id < OPTION_IDS; id++) {
		if (!needs_argument(id))
			continue;
		fputs("\t\t", stdout);
		print_pattern(id);
		fputs(") ((++i)) ;;\n", stdout);
	}
	fputs("\t\t-*) ;;\n"
	      "\t\t*) command=${command:-$word} ;;\n"
	      "\t\tesac\n"
	      "\tdone\n",
	      stdout);
}

/* The options of each command. */
static void print_bash_options(void)
{
	fputs("\tcase $command in\n", stdout);
	for (size_t i = 0; i < command_count; i++) {
		printf("\t%s) options=\"", command_kinds[i].name);
		visit_options(&command_kinds[i], print_bash_option);
		fputs("\" ;;\n", stdout);
	}
	fputs("\t*) options=\"", stdout);
	visit_common_options(print_bash_option);
	fputs("\" ;;\n\tesac\n", stdout);
}

/* What may stand after an option, and after a command. */
static void print_bash_words(void)
{
	fputs("\tcase $prev,$cur,$command in\n", stdout);
	for (enum option_id id = OPTION_NONE + 1; id < OPTION_IDS; id++) {
		if (!needs_argument(id) || id == OPTION_COLUMNS)
			continue;
		putchar('\t');
		if (option_kinds[id].letter != '\0')
			printf("-%c,* | ", option_kinds[id].letter);
		printf("--%s,*) ", option_kinds[id].name);
		print_bash_wanted(option_kinds[id].completes, NULL);
		fputs(" ;;\n", stdout);
	}
	for (size_t i = 0; i < command_count; i++) {
		if (command_kinds[i].list == NULL)
			continue;
		printf("\t-o,*,%s | --output,*,%s) ", command_kinds[i].name, command_kinds[i].name);
		print_bash_wanted(COMPLETES_COLUMNS, command_kinds[i].list);
		fputs(" ;;\n", stdout);
	}
	fputs("\t*,-*) words=$options ;;\n", stdout);
	for (size_t i = 0; i < command_count; i++) {
		if (command_kinds[i].completes == COMPLETES_NOTHING)
			continue;
		printf("\t*,%s) ", command_kinds[i].name);
		print_bash_wanted(command_kinds[i].completes, NULL);
		fputs(" ;;\n", stdout);
	}
	fputs("\t*,) words=\"", stdout);
	print_words(COMPLETES_COMMANDS, NULL);
	fputs("\" ;;\n\tesac\n", stdout);
}

static void print_bash(void)
{
	print_bash_line();
	print_bash_options();
	print_bash_words();
	fputs("\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	      "\t# What comes before a colon is there already.\n"
	      "\tif [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then\n"
	      "\t\tword=${cur%\"${cur##*:}\"}\n"
	      "\t\tCOMPREPLY=(\"${COMPREPLY[@]#\"$word\"}\")\n"
	      "\tfi\n"
	      "}\n"
	      "complete -F _kith kith\n",
	      stdout);
}

/* ---- fish ---- */

/* In single quotes, as fish reads them. */
static void print_fish_text(const char *text)
{
	putchar('\'');
	for (; *text != '\0'; text++) {
		if (*text == '\'' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('\'');
}

static void print_fish_words(enum completes completes, const struct list *list)
{
	if (asks_for(completes) != NULL) {
		printf(" -a '(__kith_ask %s)'", asks_for(completes));
	} else if (completes != COMPLETES_NOTHING && completes != COMPLETES_FILES) {
		fputs(" -a '", stdout);
		print_words(completes, list);
		putchar('\'');
	}
}

static void print_fish_option(const struct command_kind *kind, enum option_id id)
{
	const struct option_kind *option = &option_kinds[id];
	fputs("complete -c kith", stdout);
	if (kind != NULL)
		printf(" -n '__kith_is %s'", kind->name);
	if (option->letter != '\0')
		printf(" -s %c", option->letter);
	printf(" -l %s", option->name);
	if (needs_argument(id))
		fputs(option->completes == COMPLETES_FILES ? " -r -F" : " -x", stdout);
	fputs(" -d ", stdout);
	print_fish_text(option->help);
	print_fish_words(option->completes, kind == NULL ? NULL : kind->list);
	putchar('\n');
}

/* What finds the command, and asks the node. fish's own functions would take the argument of an option for a command.
 */
static void print_fish_functions(void)
{
	fputs("# Completion of kith(1) for fish: kith completion fish\n"
	      "function __kith_is -d 'Is this the command of the line? Without an argument: has it none yet?'\n"
	      "\tset -l takes",
	      stdout);
	for (enum option_id id = OPTION_NONE + 1; id < OPTION_IDS; id++) {
		if (!needs_argument(id))
			continue;
		putchar(' ');
		print_bash_option(id);
	}
	fputs("\n"
	      "\tset -l words (commandline -opc)\n"
	      "\tset -l command\n"
	      "\tset -l is_argument no\n"
	      "\tfor word in $words[2..-1]\n"
	      "\t\tif test $is_argument = yes\n"
	      "\t\t\tset is_argument no\n"
	      "\t\telse if contains -- $word $takes\n"
	      "\t\t\tset is_argument yes\n"
	      "\t\telse if not string match -q -- '-*' $word\n"
	      "\t\t\tset command $word\n"
	      "\t\t\tbreak\n"
	      "\t\tend\n"
	      "\tend\n"
	      "\ttest \"$command\" = \"$argv\"\n"
	      "end\n"
	      "function __kith_ask\n"
	      "\tset -l words (commandline -opc)\n"
	      "\tset -l node\n"
	      "\tfor i in (seq (count $words))\n"
	      "\t\tif contains -- $words[$i] -s --socket -n --name; and set -q words[(math $i + 1)]\n"
	      "\t\t\tset node $words[$i] $words[(math $i + 1)]\n"
	      "\t\tend\n"
	      "\tend\n"
	      "\ttimeout 2 $words[1] $node $argv -r --noheadings 2>/dev/null |\n"
	      "\t\tenv LC_ALL=C awk -v last=$argv[-1] " PICK_WORDS "\n"
	      "end\n"
	      "complete -c kith -f\n",
	      stdout);
}

static void print_fish(void)
{
	print_fish_functions();
	for (enum option_id id = OPTION_NONE + 1; id <= OPTION_LAST_OF_ALL; id++)
		print_fish_option(NULL, id);
	for (size_t i = 0; i < command_count; i++) {
		const struct command_kind *kind = &command_kinds[i];
		printf("complete -c kith -n __kith_is -a %s -d ", kind->name);
		print_fish_text(kind->help);
		putchar('\n');
		for (const enum option_id *id = kind->options; *id != OPTION_NONE; id++)
			print_fish_option(kind, *id);
		if (kind->completes == COMPLETES_NOTHING)
			continue;
		printf("complete -c kith -n '__kith_is %s'", kind->name);
		print_fish_words(kind->completes, NULL);
		putchar('\n');
	}
}

/* ---- zsh ---- */

/* Within single quotes, as _arguments and _describe read it. */
static void print_zsh_text(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'') {
			fputs("'\\''", stdout);
			continue;
		}
		if (strchr("[]:\\", *text) != NULL)
			putchar('\\');
		putchar(*text);
	}
}

/* The action of _arguments that completes such a word. */
static void print_zsh_action(enum completes completes, const struct list *list)
{
	if (completes == COMPLETES_FILES) {
		fputs("_files", stdout);
	} else if (asks_for(completes) != NULL) {
		printf("{_kith_ask %s}", asks_for(completes));
	} else if (completes == COMPLETES_NOTHING || (completes == COMPLETES_COLUMNS && list == NULL)) {
		putchar(' ');
	} else {
		putchar('(');
		print_words(completes, list);
		putchar(')');
	}
}

static void print_zsh_option(const struct list *list, enum option_id id)
{
	const struct option_kind *option = &option_kinds[id];
	fputs(" \\\n\t\t", stdout);
	if (option->letter != '\0')
		printf("'(-%c --%s)'{-%c,--%s}'[", option->letter, option->name, option->letter, option->name);
	else
		printf("'--%s[", option->name);
	print_zsh_text(option->help);
	putchar(']');
	if (needs_argument(id)) {
		fputs(":word:", stdout);
		print_zsh_action(option->completes, list);
	}
	putchar('\'');
}

static void print_zsh(void)
{
	fputs("#compdef kith\n"
	      "# Completion of kith(1) for zsh: kith completion zsh\n"
	      "_kith_ask()\n{\n"
	      "\tlocal -a words_found\n"
	      "\twords_found=(${(f)\"$(timeout 2 $kith $node \"$@\" -r --noheadings 2>/dev/null |\n"
	      "\t\tenv LC_ALL=C awk -v last=$@[-1] " PICK_WORDS ")\"})\n"
	      "\tcompadd -a words_found\n"
	      "}\n\n"
	      "_kith()\n{\n"
	      "\tlocal context state line kith=$words[1]\n"
	      "\tlocal -a node\n"
	      "\tlocal -A opt_args\n"
	      "\tlocal word\n"
	      "\tlocal -i place\n"
	      "\tfor word in -s --socket -n --name; do\n"
	      "\t\tplace=${words[(I)$word]}\n"
	      "\t\t(( place )) && [[ -n $words[place+1] ]] && node=($word $words[place+1])\n"
	      "\tdone\n"
	      "\t_arguments -C",
	      stdout);
	for (enum option_id id = OPTION_NONE + 1; id <= OPTION_LAST_OF_ALL; id++)
		print_zsh_option(NULL, id);
	fputs(" \\\n\t\t'1:command:->command' '*::operand:->operand'\n"
	      "\tif [[ $state == command ]]; then\n"
	      "\t\tlocal -a commands=(",
	      stdout);
	for (size_t i = 0; i < command_count; i++) {
		printf("\n\t\t\t'%s:", command_kinds[i].name);
		print_zsh_text(command_kinds[i].help);
		putchar('\'');
	}
	fputs(")\n\t\t_describe command commands\n\t\treturn\n\tfi\n\tcase $words[1] in\n", stdout);
	for (size_t i = 0; i < command_count; i++) {
		const struct command_kind *kind = &command_kinds[i];
		printf("\t%s) _arguments", kind->name);
		for (enum option_id id = OPTION_NONE + 1; id <= OPTION_LAST_OF_ALL; id++)
			print_zsh_option(NULL, id);
		for (const enum option_id *id = kind->options; *id != OPTION_NONE; id++)
			print_zsh_option(kind->list, *id);
		if (kind->completes != COMPLETES_NOTHING) {
			fputs(" \\\n\t\t'*:word:", stdout);
			print_zsh_action(kind->completes, NULL);
			putchar('\'');
		}
		fputs(" ;;\n", stdout);
	}
	fputs("\tesac\n}\n\n_kith \"$@\"\n", stdout);
}

enum outcome run_completion(const struct command_kind *kind, const struct options *options)
{
	static const struct {
		const char *shell;
		void (*print)(void);
	} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
	(void)kind;
	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
		if (strcmp(options->operands[0], shells[i].shell) != 0)
			continue;
		shells[i].print();
		return OUTCOME_DONE;
	}
	return complain(OUTCOME_WRONG_USAGE, "kith completes words in bash, zsh and fish, not in \"%s\"",
			options->operands[0]);
}
