#include "kith/hook_run.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "kith/outcome.h"
#include "kith/value.h"

/* What the command finds in its environment. What is unknown is empty there. */
static const struct {
	const char *name, *key;
} variables[] = {
	{"KITH_KIND", "kind"},	   {"KITH_NODEID", "nodeid"}, {"KITH_NAME", "name"},   {"KITH_ADDRESS", "address"},
	{"KITH_REASON", "reason"}, {"KITH_TIME", "at"},	      {"KITH_SEQ", "number"},  {"KITH_ENDING", "ending"},
	{"KITH_VALUE", "value"},   {"KITH_BOOT", "boot"},     {"KITH_OTHER", "other"}, {"KITH_PROBLEM", "problem"},
};

enum { VARIABLES = sizeof variables / sizeof *variables, LABEL_BYTES = 256 };

/* ---- is it there ---- */

static bool is_executable(const char *path)
{
	return access(path, X_OK) == 0;
}

bool hook_run_find(const char *command, struct problem *problem)
{
	const char *directory = getenv("PATH");
	char path[PATH_MAX];
	if (strchr(command, '/') != NULL)
		return is_executable(command) || problem_set(problem, "cannot run %s: %s", command, strerror(errno));
	if (directory == NULL)
		directory = "/bin:/usr/bin";
	for (size_t length; *directory != '\0'; directory += length + (directory[length] == ':')) {
		length = strcspn(directory, ":");
		int size = snprintf(path, sizeof path, "%.*s%s%s", (int)length, directory, length > 0 ? "/" : "./",
				    command);
		if (size > 0 && (size_t)size < sizeof path && is_executable(path))
			return true;
	}
	return problem_set(problem,
			   "there is no command \"%s\"; there is no shell either, so for its words write: "
			   "-- sh -c '...'",
			   command);
}

/* ---- start ---- */

/* "peer_down of beta (event 12)" */
static void label(const struct hook_event *event, char out[static LABEL_BYTES])
{
	const char *kind = value_text(event->row, "kind"), *name = value_text(event->row, "name");
	const char *who = name != NULL ? name : event->subject;
	int length = snprintf(out, LABEL_BYTES, "%s%s%s", kind == NULL ? "?" : kind, who[0] == '\0' ? "" : " of ", who);
	if (event->number > 0 && length > 0 && length < LABEL_BYTES)
		snprintf(out + length, (size_t)(LABEL_BYTES - length), " (event %llu)",
			 (unsigned long long)event->number);
}

/* "NAME=VALUE", or NULL if there is no memory. */
static char *variable(size_t place, struct json_object *row)
{
	struct json_object *value = NULL;
	char *text;
	json_object_object_get_ex(row, variables[place].key, &value);
	if (asprintf(&text, "%s=%s", variables[place].name, value == NULL ? "" : json_object_get_string(value)) < 0)
		return NULL;
	return text;
}

static bool is_own(const char *pair)
{
	for (size_t i = 0; i < VARIABLES; i++) {
		size_t length = strlen(variables[i].name);
		if (strncmp(pair, variables[i].name, length) == 0 && pair[length] == '=')
			return true;
	}
	return false;
}

static void environment_free(char **environment)
{
	for (size_t i = 0; environment != NULL && i < VARIABLES; i++)
		free(environment[i]);
	free(environment);
}

/* The own ones come first, then those of this process. NULL if there is no memory. */
static char **environment_new(struct json_object *row)
{
	size_t count = 0, place = VARIABLES;
	bool is_good = true;
	while (environ[count] != NULL)
		count++;
	char **environment = calloc(VARIABLES + count + 1, sizeof *environment);
	for (size_t i = 0; environment != NULL && i < VARIABLES; i++)
		is_good = (environment[i] = variable(i, row)) != NULL && is_good;
	for (size_t i = 0; environment != NULL && i < count; i++)
		if (!is_own(environ[i]))
			environment[place++] = environ[i];
	if (is_good)
		return environment;
	environment_free(environment);
	return NULL;
}

/* A file without a name, so that a command that doesn't read it holds up nobody. -1 with errno. */
static int open_input(struct json_object *row)
{
	struct buffer line = {0};
	int fd = memfd_create("event", MFD_CLOEXEC);
	bool is_good = fd >= 0 && json_write(row, &line) && buffer_append(&line, "\n", 1) &&
		       write(fd, buffer_content(&line), buffer_length(&line)) == (ssize_t)buffer_length(&line) &&
		       lseek(fd, 0, SEEK_SET) == 0;
	buffer_fini(&line);
	if (is_good || fd < 0)
		return fd;
	close(fd);
	errno = ENOMEM;
	return -1;
}

/* 0 or an errno. */
static int spawn(pid_t *pid, char *const *argv, char *const *environment, int input)
{
	posix_spawnattr_t attributes;
	posix_spawn_file_actions_t actions;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_init(&actions);
	int error = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	if (error == 0)
		error = posix_spawnp(pid, argv[0], &actions, &attributes, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return error;
}

void hook_run_start(struct hook_run *run, char *const *argv, int64_t deadline_us)
{
	char **environment = environment_new(run->event.row), event[LABEL_BYTES];
	int input = environment == NULL ? -1 : open_input(run->event.row);
	int error = environment == NULL ? ENOMEM : input < 0 ? errno : spawn(&run->pid, argv, environment, input);
	run->stage = HOOK_RUNS;
	run->due_us = deadline_us;
	if (error != 0) {
		run->pid = 0;
		label(&run->event, event);
		complain(OUTCOME_SYSTEM_FAILS, "%s: cannot run %s: %s", event, argv[0], strerror(error));
	}
	if (input >= 0)
		close(input);
	environment_free(environment);
}

/* ---- its end ---- */

static void complain_of_end(const struct hook_run *run, const siginfo_t *end)
{
	char event[LABEL_BYTES];
	label(&run->event, event);
	if (end->si_code == CLD_EXITED && end->si_status != 0)
		complain(OUTCOME_NO, "%s: the command ended with status %d", event, end->si_status);
	else if (end->si_code != CLD_EXITED && run->stage == HOOK_RUNS)
		complain(OUTCOME_NO, "%s: the command was killed: %s", event, strsignal(end->si_status));
}

bool hook_run_has_ended(struct hook_run *run)
{
	siginfo_t end = {0};
	if (run->pid == 0)
		return true;
	/* While it is not reaped, no other group can have its number. */
	if (waitid(P_PID, (id_t)run->pid, &end, WEXITED | WNOHANG | WNOWAIT) != 0 || end.si_pid != run->pid)
		return false;
	/* Others of a group that had its time may go on. */
	if (run->stage != HOOK_RUNS)
		kill(-run->pid, SIGKILL);
	waitpid(run->pid, NULL, 0);
	complain_of_end(run, &end);
	return true;
}

void hook_run_terminate(struct hook_run *run, int64_t now_us)
{
	if (run->pid == 0 || run->stage != HOOK_RUNS)
		return;
	kill(-run->pid, SIGTERM);
	run->stage = HOOK_IS_TERMINATED;
	run->due_us = now_us + (int64_t)HOOK_GRACE_S * 1000000;
}

void hook_run_limit(struct hook_run *run, int64_t now_us)
{
	char event[LABEL_BYTES];
	if (now_us < run->due_us || run->pid == 0)
		return;
	if (run->stage == HOOK_RUNS) {
		label(&run->event, event);
		complain(OUTCOME_NO, "%s: the command takes longer than --timeout: it is stopped", event);
		hook_run_terminate(run, now_us);
	} else {
		kill(-run->pid, SIGKILL);
		run->stage = HOOK_IS_KILLED;
		run->due_us = INT64_MAX;
	}
}
