#include "kith/command.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sync.h"
#include "base/text.h"
#include "kith/web_host.h"
#include "kith/web_pages.h"

enum { USUAL_PORT = 7999 };

struct web {
	struct web_server *server;
	struct web_pages pages;
	int signals_fd;
};

/* ---- where it listens ---- */

static bool parse_address(const char *text, struct address *address, struct problem *problem)
{
	if (text == NULL)
		return address_from_host("127.0.0.1", USUAL_PORT, address);
	return address_parse(text, address) || address_from_host(text, USUAL_PORT, address) ||
	       problem_set(problem, "-l: \"%s\" is not an IP address with a port: write 127.0.0.1:%d", text,
			   USUAL_PORT);
}

static enum outcome complain_of_socket(const struct address *address, int error)
{
	char text[ADDRESS_TEXT_BYTES], words[TEXT_ERROR_BYTES];
	address_format(address, text);
	text_error(error, words);
	if (error == EADDRINUSE)
		return complain(OUTCOME_SYSTEM_FAILS,
				"%s is already in use, perhaps by another kith web: choose another port with -l, or "
				"find it with: ss -ltnp 'sport = :%d'",
				text, address->port);
	if (error == EACCES)
		return complain(OUTCOME_SYSTEM_FAILS, "%s: ports below 1024 need root or CAP_NET_BIND_SERVICE", text);
	return complain(OUTCOME_SYSTEM_FAILS, "cannot listen on %s: %s", text, words);
}

/* The address is then the one with the port that it has. */
static enum outcome listen_at(struct address *address, int *listening)
{
	enum { BACKLOG = 64 };
	const int on = 1;
	struct sockaddr_storage to;
	socklen_t length = address_to_socket(address, &to);
	*listening = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*listening >= 0 && setsockopt(*listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    bind(*listening, (const struct sockaddr *)&to, length) == 0 && listen(*listening, BACKLOG) == 0 &&
	    getsockname(*listening, (struct sockaddr *)&to, &length) == 0 && address_from_socket(&to, address))
		return OUTCOME_DONE;
	int error = errno;
	if (*listening >= 0)
		close(*listening);
	return complain_of_socket(address, error);
}

/* ---- the loop ---- */

/* The page can be written. */
static void put(struct web *web, enum web_page page)
{
	struct writing out = {0};
	unsigned status = web_pages_write(&web->pages, page, &out);
	web_server_put(web->server, page, status, writing_content(&out), writing_length(&out));
	writing_fini(&out);
}

static void ask_for_pages(struct web *web)
{
	for (enum web_page page = 0; page < WEB_PAGES; page++)
		if (web_server_is_awaited(web->server, page) && !web->pages.inquiries[page].is_asking &&
		    !web_pages_begin(&web->pages, page))
			put(web, page);
}

static int timeout_ms(const struct web *web)
{
	int timeout_ms = web_server_timeout_ms(web->server);
	int64_t deadline_us = INT64_MAX, now_us = clock_now_us();
	for (enum web_page page = 0; page < WEB_PAGES; page++)
		deadline_us = clock_earlier(deadline_us, inquiry_deadline_us(&web->pages.inquiries[page]));
	if (deadline_us == INT64_MAX)
		return timeout_ms;
	int left_ms = deadline_us < now_us ? 0 : (int)((deadline_us - now_us) / 1000) + 1;
	return timeout_ms >= 0 && timeout_ms < left_ms ? timeout_ms : left_ms;
}

/* Until a signal says that it is enough. */
static void serve(struct web *web)
{
	struct pollfd fds[WEB_PAGES + 2];
	do {
		ask_for_pages(web);
		for (enum web_page page = 0; page < WEB_PAGES; page++)
			fds[page] = (struct pollfd){.fd = inquiry_fd(&web->pages.inquiries[page]), .events = POLLIN};
		fds[WEB_PAGES] = (struct pollfd){.fd = web_server_fd(web->server), .events = POLLIN};
		fds[WEB_PAGES + 1] = (struct pollfd){.fd = web->signals_fd, .events = POLLIN};
		poll(fds, sizeof fds / sizeof *fds, timeout_ms(web));
		for (enum web_page page = 0; page < WEB_PAGES; page++)
			if (web->pages.inquiries[page].is_asking && web_pages_read(&web->pages, page))
				put(web, page);
		web_server_run(web->server);
	} while (fds[WEB_PAGES + 1].revents == 0);
}

/* ---- from the beginning to the end ---- */

static void say_where(const struct address *address)
{
	char text[ADDRESS_TEXT_BYTES];
	address_format(address, text);
	printf("http://%s/\n", text);
	outcome_flush(stdout);
	if (address_scope_of(address) != SCOPE_LOOPBACK)
		complain(OUTCOME_DONE, "warning: anyone who can reach %s can read what this node knows of the network",
			 text);
}

static enum outcome run_at(struct web *web, int listening, const struct address *address, const struct options *options)
{
	struct problem problem;
	sigset_t set;
	web->server = web_server_start(listening, options->values[OPTION_HOST], &problem);
	if (web->server == NULL)
		return complain(OUTCOME_SYSTEM_FAILS, "%s", problem.text);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	web->signals_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (web->signals_fd < 0)
		return complain(OUTCOME_SYSTEM_FAILS, "cannot wait for signals: %s", strerror(errno));
	say_where(address);
	serve(web);
	close(web->signals_fd);
	return OUTCOME_DONE;
}

static bool parse(const struct options *options, struct address *address, struct health_limits *limits,
		  struct problem *problem)
{
	const char *names = options->values[OPTION_HOST];
	if (names != NULL && !web_host_are_names(names))
		return problem_set(problem, "--host: \"%s\" is not a host name without a port, or several with commas",
				   names);
	return parse_address(options->values[OPTION_LISTEN], address, problem) &&
	       health_check_parse_limits(options, limits, problem);
}

enum outcome run_web(const struct command_kind *kind, const struct options *options)
{
	struct web web = {0};
	struct inquiry_node node = {.options = options};
	struct address address = {0};
	struct health_limits limits;
	struct problem problem;
	int listening;
	(void)kind;
	if (!parse(options, &address, &limits, &problem))
		return complain(OUTCOME_WRONG_USAGE, "%s", problem.text);
	/* A node that is down may come up later. */
	enum outcome outcome = inquiry_find(&node);
	if (outcome != OUTCOME_DONE && outcome != OUTCOME_NO_NODE)
		return outcome;
	outcome = listen_at(&address, &listening);
	if (outcome != OUTCOME_DONE)
		return outcome;
	web_pages_init(&web.pages, &node, &limits);
	outcome = run_at(&web, listening, &address, options);
	web_server_stop(web.server);
	web_pages_fini(&web.pages);
	return outcome;
}
