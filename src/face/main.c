#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/output.h"
#include "base/privilege.h"
#include "base/problem.h"
#include "base/sync.h"
#include "base/text.h"
#include "face/arguments.h"
#include "face/listing.h"
#include "face/reloading.h"
#include "face/service.h"
#include "face/signals.h"
#include "face/steering.h"
#include "link/tls_context.h"
#include "members/registry.h"
#include "node/node.h"
#include "settings/secret.h"
#include "settings/settings.h"

/* A reader of the table has this long. */
#define TABLE_WRITE_US ((int64_t)1000 * 1000)

static int print_new_secret(void)
{
	char text[SECRET_TEXT_BYTES];
	if (!secret_new(text)) {
		arguments_complain(strerror(errno));
		return STATUS_SYSTEM;
	}
	/* Where it can't be written whole, whoever made a file of it must know. */
	if (puts(text) == EOF || fflush(stdout) != 0) {
		struct problem problem;
		problem_set(&problem, "the secret could not be written: %s", strerror(errno));
		arguments_complain(problem.text);
		return STATUS_SYSTEM;
	}
	return STATUS_STOPPED;
}

/* At the start alone: a running node keeps the user that it has. */
static bool check_user(const struct settings *settings, struct problem *problem)
{
	return privilege_check_user(settings->user, problem) ||
	       problem_prefix(problem, "%s: ", settings->texts->where[SETTING_USER]);
}

/* NULL secrets for a network that anybody may join. */
static bool read_secrets(const struct settings *settings, struct secrets **secrets, struct problem *problem)
{
	*secrets = NULL;
	if (settings->secret_file[0] == '\0')
		return true;
	privilege_hide_memory();
	*secrets = secrets_read(settings->secret_file, settings->user, problem);
	return *secrets != NULL;
}

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

/* Takes the secrets: what would end the start of a private node ends its test. */
static int report_test(const struct settings *settings, const struct arguments *arguments, struct secrets *secrets)
{
	struct problem problem;
	const char *file = arguments_file(arguments);
	size_t count = settings->count_in_file, secret_count = secrets == NULL ? 0 : secrets->count;
	struct tls_context *context = secrets == NULL ? NULL : tls_context_new(secrets, &problem);
	if (secrets != NULL && context == NULL) {
		secrets_free(secrets);
		arguments_complain(problem.text);
		return STATUS_SYSTEM;
	}
	tls_context_free(context);
	if (settings_is_secluded(settings, &problem))
		arguments_complain(problem.text);
	if (file == NULL)
		puts("no configuration file; the settings are good");
	else
		printf("%s is good (%zu setting%s)\n", file, count, plural(count));
	if (secret_count > 0)
		printf("%s is good (%zu secret%s)\n", settings->secret_file, secret_count, plural(secret_count));
	return STATUS_STOPPED;
}

/* Where one of stdin, stdout and stderr is closed, the next descriptor would get its number, and then its output. */
static void secure_standard_descriptors(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Thousands of peers need thousands of descriptors; what the hard limit allows needs no privilege. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* The tables of peers and of addresses as they are now. False if there is no memory. */
static bool render_table(const struct node *node, struct buffer *out)
{
	struct node_view view = node_view(node);
	int64_t now_us = clock_now_us();
	const struct parts *parts = view.parts;
	struct registry_snapshot all = registry_take_snapshot(parts->registry, false);
	struct peer_info *peers = calloc(all.count + 1, sizeof *peers);
	struct address_info *addresses = calloc(LISTING_ADDRESSES, sizeof *addresses);
	struct listing_header header = {.nodeid = view.nodeid,
					.name = parts->settings->texts->name,
					.network = parts->settings->network,
					.uptime_us = now_us - view.started_us,
					.known = address_book_count(parts->book)};
	bool rendered = false;
	if (peers != NULL && addresses != NULL) {
		size_t count = address_book_recent(parts->book, addresses, LISTING_ADDRESSES, now_us);
		for (size_t i = 0; i < all.count; i++)
			peers[i] = peer_look(all.peers[i], now_us);
		rendered = listing_render(&header, peers, all.count, addresses, count, now_us, out);
	}
	registry_release_snapshot(&all);
	free(addresses);
	free(peers);
	return rendered;
}

static void print_table(struct node *node, struct output *output)
{
	static bool is_torn; /* the last table was cut off in the middle of a line */
	struct buffer table = {0};
	if (is_torn)
		buffer_append(&table, "\n", 1);
	if (render_table(node, &table)) {
		size_t length = buffer_length(&table);
		size_t written = output_write(output, buffer_content(&table), length, clock_now_us() + TABLE_WRITE_US,
					      signals_stop_is_pending);
		char error[TEXT_ERROR_BYTES];
		text_error(errno, error);
		if (written < length)
			log_warning("the peer table is dropped: %s", errno == EAGAIN ? "stdout was not read" : error);
		if (written > 0)
			is_torn = written < length;
	}
	buffer_fini(&table);
}

static bool reload(struct node *node, const struct service *service, const struct settings *running,
		   const struct arguments *arguments, struct settings_report *report, struct problem *problem)
{
	service_reloading(service);
	bool is_done = reloading_reload(node, running, arguments, report, problem);
	service_reloaded(service);
	return is_done;
}

static void note_stop(const struct node *node, const struct service *service, const char *why)
{
	struct event event = {.kind = EVENT_STOPPING, .reason = why, .lasted_us = -1};
	log_info("stopping: %s", why);
	journal_note(node_view(node).parts->journal, &event);
	service_stopping(service);
}

/* What a client of the control socket wants. Returns what is to be done now. */
static enum signal_action obey(struct steering *steering, struct node *node, const struct service *service,
			       const struct settings *settings, const struct arguments *arguments)
{
	struct command *command = steering->commands == NULL ? NULL : commands_take(steering->commands);
	enum signal_action action = ACTION_NONE;
	if (command == NULL)
		return action;
	switch (command->kind) {
	case COMMAND_RELOAD:
		command->has_failed = !reload(node, service, settings, arguments, &command->report, &command->problem);
		break;
	case COMMAND_SET:
		command->has_failed =
			!reloading_set(node, settings, arguments, command->option, &command->report, &command->problem);
		break;
	case COMMAND_SETTINGS:
		command->has_failed =
			!settings_copy(&command->report.now, settings) && !problem_set_lacks_memory(&command->problem);
		break;
	case COMMAND_STOP:
		note_stop(node, service, "a client of the control socket asks for it");
		action = ACTION_STOP;
		break;
	}
	commands_finish(steering->commands, command);
	return action;
}

static void serve(struct node *node, struct service *service, const struct settings *settings,
		  const struct arguments *arguments, struct output *output, struct steering *steering)
{
	enum signal_action action = ACTION_NONE;
	struct problem problem;
	signals_reap(); /* who ended before the program began has sent no signal to it */
	while (action != ACTION_STOP) {
		int number;
		action = signals_wait_until(&number, service_run(service, clock_now_us()));
		if (action == ACTION_TABLE)
			print_table(node, output);
		else if (action == ACTION_RELOAD)
			reload(node, service, settings, arguments, NULL, &problem);
		else if (action == ACTION_REAP)
			signals_reap();
		else if (action == ACTION_COMMAND)
			action = obey(steering, node, service, settings, arguments);
		else if (action == ACTION_STOP)
			note_stop(node, service, strsignal(number));
	}
}

/* What doesn't end the program, and is better known now than when it matters. */
static void warn_of_user(const struct settings *settings, const struct arguments *arguments)
{
	const char *file = arguments_file(arguments), *secret_file = settings->secret_file;
	char user[PRIVILEGE_USER_BYTES];
	privilege_user_name(user);
	if (privilege_is_root()) {
		log_warning("running as root without need: set user = \"kithd\", a user of its own (see kith.conf(5))");
		return;
	}
	if (file != NULL && access(file, R_OK) != 0)
		log_warning("the user \"%s\" can't read %s: SIGHUP will change no setting until it can", user, file);
	if (secret_file[0] != '\0' && access(secret_file, R_OK) != 0)
		log_warning("the user \"%s\" can't read %s: SIGHUP will change no secret until you run chown %s '%s'",
			    user, secret_file, user, secret_file);
}

/* Takes the secrets. */
static int run(struct settings *settings, struct secrets *secrets, const struct arguments *arguments)
{
	struct problem problem;
	struct output output;
	struct node *node = NULL;
	struct steering steering;
	struct service service;

	raise_descriptor_limit();
	/* Another user may not open them. */
	log_open();
	output_init(&output, STDOUT_FILENO);
	service_open(&service);
	bool is_locked = secrets == NULL || secrets->is_locked;
	steering_prepare(&steering, settings);
	if (privilege_settle(settings->user, &problem)) {
		if (secrets != NULL)
			privilege_hide_memory();
		node = node_start(settings, secrets, &problem);
	} else {
		secrets_free(secrets);
	}
	if (node != NULL) {
		warn_of_user(settings, arguments);
		reloading_warn_of_swap(is_locked);
		steering_start(&steering, node);
		service_ready(&service, node, steering.control);
		serve(node, &service, settings, arguments, &output, &steering);
		signals_let_stop_kill();
		steering_stop(&steering);
		node_stop(node);
		log_info("stopped");
	} else {
		steering_stop(&steering);
	}
	output_fini(&output);
	log_close();
	if (node == NULL)
		arguments_complain(problem.text);
	return node == NULL ? STATUS_SYSTEM : STATUS_STOPPED;
}

/*
 * glibc keeps for each thread up to seven freed blocks of each of 64 sizes, wherever they lie, and takes them from no
 * thread that goes on: with two threads a peer they hold more pages than all that is in use. After half an hour among
 * peers that come and go a node with 50 of them took 3,032 kB, after a minute 2,480 (make soak); with one block of each
 * size 2,128 and 2,024; with none 1,848 and 1,852. So none are kept.
 *
 * It also leaves a gap of 1,520 bytes in each stack, for thread-local variables of libraries that are loaded while
 * threads run, if these cannot do without (DF_STATIC_TLS, which GnuTLS and what it needs have not), in four namespaces
 * of dlmopen(3), where we have one. Above the gap is what glibc keeps of a thread, below it what the thread calls. With
 * a gap of 144 bytes both fit into one page while a thread waits, so that an idle peer takes 12.7 kB instead of 20.8
 * (make bench BENCH=memory1000), and 24.1 instead of 31.0 in a private network.
 *
 * Only the environment that a program begins with can say that, so it begins again, once. Where that can't be, it goes
 * on as it is: if it was started by the dynamic loader (`ld.so kithd`), then /proc/self/exe is the loader. The kernel
 * says so by loading no other one (AT_BASE).
 */
static void begin_with_little_for_each_thread(char **argv)
{
	static const char name[] = "GLIBC_TUNABLES";
	static const char value[] = "glibc.malloc.tcache_count=0:glibc.rtld.nns=1:glibc.rtld.optional_static_tls=0";
	if (getenv(name) == NULL && getauxval(AT_SECURE) == 0 && getauxval(AT_BASE) != 0 && setenv(name, value, 0) == 0)
		execv("/proc/self/exe", argv);
	/* Else it would be called "exe". */
	prctl(PR_SET_NAME, program_invocation_short_name);
}

int main(int argc, char **argv)
{
	static struct arguments arguments;
	struct settings settings;
	struct secrets *secrets = NULL;
	struct problem problem;

	secure_standard_descriptors();
	/* Before anything else: a request for the table that comes too early waits, and doesn't kill. */
	signals_settle();
	int status = arguments_parse(&arguments, argc, argv);
	if (status >= 0)
		return status;
	if (arguments.wants_secret)
		return print_new_secret();
	begin_with_little_for_each_thread(argv);
	if (!settings_init(&settings)) {
		arguments_complain(strerror(ENOMEM));
		status = STATUS_SYSTEM;
	} else if (!arguments_read_settings(&arguments, &settings, signals_stop_is_pending, &problem) ||
		   !check_user(&settings, &problem) || !read_secrets(&settings, &secrets, &problem)) {
		arguments_complain(problem.text);
		signals_let_stop_kill(); /* if that is why */
		status = problem.lacks_memory ? STATUS_SYSTEM : STATUS_SETTINGS;
	} else if (arguments.only_test) {
		status = report_test(&settings, &arguments, secrets);
	} else {
		log_set_level(arguments_log_level(&arguments, &settings));
		log_set_format((enum log_format)settings.log_format);
		status = run(&settings, secrets, &arguments);
	}
	settings_fini(&settings);
	return status;
}
