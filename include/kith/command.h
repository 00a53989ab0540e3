/*
 * The commands of kith: a table, from which come the help, the completion of the shells, and what runs. Each run_*.c
 * has the functions of some commands.
 */
#ifndef KITH_COMMAND_KIND_H
#define KITH_COMMAND_KIND_H

#include "kith/list.h"
#include "kith/options.h"
#include "kith/outcome.h"

enum { COMMAND_OPTIONS = 8, COMMAND_ANY = 1000 };

struct command_kind {
	const char *name;
	const char *operands; /* as in the usage; "" for none */
	const char *help;     /* in one line */
	size_t least, most;   /* how many operands */
	enum completes completes;
	enum option_id options[COMMAND_OPTIONS + 1]; /* its own; ended by OPTION_NONE */
	const struct list *list;		     /* what run_list prints, or NULL */
	enum outcome (*run)(const struct command_kind *kind, const struct options *options);
};

extern const struct command_kind command_kinds[];
extern const size_t command_count;

/* NULL for no such command. */
const struct command_kind *command_find(const char *name);
/* Prints what kith, or that command, takes. */
void command_print_help(void);
void command_print_help_of(const struct command_kind *kind);

enum outcome run_completion(const struct command_kind *kind, const struct options *options);
enum outcome run_links(const struct command_kind *kind, const struct options *options);
enum outcome run_local(const struct command_kind *kind, const struct options *options);
enum outcome run_check(const struct command_kind *kind, const struct options *options);
enum outcome run_map(const struct command_kind *kind, const struct options *options);
enum outcome run_metrics(const struct command_kind *kind, const struct options *options);
enum outcome run_nodes(const struct command_kind *kind, const struct options *options);
enum outcome run_problems(const struct command_kind *kind, const struct options *options);
enum outcome run_on(const struct command_kind *kind, const struct options *options);
enum outcome run_ping(const struct command_kind *kind, const struct options *options);
enum outcome run_steer(const struct command_kind *kind, const struct options *options);
enum outcome run_why(const struct command_kind *kind, const struct options *options);
enum outcome run_status(const struct command_kind *kind, const struct options *options);
enum outcome run_top(const struct command_kind *kind, const struct options *options);
enum outcome run_web(const struct command_kind *kind, const struct options *options);
enum outcome run_watch(const struct command_kind *kind, const struct options *options);
enum outcome run_call(const struct command_kind *kind, const struct options *options);
enum outcome run_info(const struct command_kind *kind, const struct options *options);
enum outcome run_help(const struct command_kind *kind, const struct options *options);
enum outcome run_list(const struct command_kind *kind, const struct options *options);

#endif
