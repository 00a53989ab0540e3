#include "link/resolver.h"

#include <ares.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/rng.h"
#include "base/sync.h"

enum { TRIES = 2, LEAST_TIMEOUT_MS = 100 };

/* The name server that a look-up begins with, modulo their number. */
static atomic_uint first_server;

enum family { FAMILY_IPV4, FAMILY_IPV6, FAMILIES };

struct lookup {
	struct question {
		struct lookup *lookup;
		bool is_done;
		int status;
	} questions[FAMILIES];
	uint16_t port;
	struct resolver_answer *answer;
	unsigned first_server; /* that it began with */
	size_t found;	       /* addresses, used or not */
	bool was_silent;       /* a name server let a question time out */
	struct rng rng;
};

int resolver_library_init(void)
{
	return ares_library_init(ARES_LIB_INIT_ALL);
}

void resolver_library_fini(void)
{
	ares_library_cleanup();
}

const char *resolver_library_version(void)
{
	return ares_version(NULL);
}

/* Each address found is among those used with the same probability (reservoir sampling). */
static void take_address(struct lookup *lookup, const struct ares_addrinfo_node *node)
{
	struct resolver_answer *answer = lookup->answer;
	struct sockaddr_storage socket_address = {0};
	struct address address;
	memcpy(&socket_address, node->ai_addr, (size_t)node->ai_addrlen);
	if (!address_from_socket(&socket_address, &address))
		return;
	address.port = lookup->port;
	if (!address_is_dialable(&address))
		return;
	lookup->found++;
	size_t place = answer->count;
	if (answer->count < RESOLVER_ADDRESSES)
		answer->count++;
	else
		place = rng_below(&lookup->rng, (uint32_t)lookup->found);
	if (place < RESOLVER_ADDRESSES)
		answer->addresses[place] = address;
}

static void take_answer(void *argument, int status, int timeouts, struct ares_addrinfo *info)
{
	struct question *question = argument;
	struct lookup *lookup = question->lookup;
	question->is_done = true;
	question->status = status;
	if (timeouts > 0)
		lookup->was_silent = true;
	if (info == NULL)
		return;
	for (const struct ares_addrinfo_node *node = info->nodes; node != NULL; node = node->ai_next)
		take_address(lookup, node);
	ares_freeaddrinfo(info);
}

/* Waits for one of c-ares' sockets or its timer and lets it work; false when the lookup is to end. */
static bool step(ares_channel channel, int wake_fd, int64_t deadline_us)
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	struct pollfd fds[ARES_GETSOCK_MAXNUM + 1] = {{.fd = wake_fd, .events = POLLIN}};
	nfds_t count = 1;
	unsigned mask = (unsigned)ares_getsock(channel, sockets, ARES_GETSOCK_MAXNUM);
	int64_t left_us = deadline_us - clock_now_us();

	if (left_us <= 0)
		return false;
	/* ARES_GETSOCK_WRITABLE shifts a one into the sign for the last socket, which is undefined. */
	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		short events =
			(short)((mask >> i & 1 ? POLLIN : 0) | (mask >> (i + ARES_GETSOCK_MAXNUM) & 1 ? POLLOUT : 0));
		if (events != 0)
			fds[count++] = (struct pollfd){.fd = sockets[i], .events = events};
	}
	struct timeval most = {.tv_sec = (time_t)(left_us / 1000000), .tv_usec = (suseconds_t)(left_us % 1000000)},
		       soonest;
	struct timeval *wait = ares_timeout(channel, &most, &soonest);
	struct timespec timeout = {.tv_sec = wait->tv_sec, .tv_nsec = wait->tv_usec * 1000};
	ppoll(fds, count, &timeout, NULL);
	if (fds[0].revents != 0)
		return false;
	for (nfds_t i = 1; i < count; i++)
		ares_process_fd(channel, fds[i].revents & (POLLIN | POLLERR | POLLHUP) ? fds[i].fd : ARES_SOCKET_BAD,
				fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
	ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	return true;
}

/* How many name servers /etc/resolv.conf has; 0 if c-ares can't say. */
static int count_servers(void)
{
	ares_channel channel;
	struct ares_addr_port_node *servers = NULL;
	int count = 0;
	if (ares_init(&channel) != ARES_SUCCESS)
		return 0;
	if (ares_get_servers_ports(channel, &servers) == ARES_SUCCESS)
		for (const struct ares_addr_port_node *server = servers; server != NULL; server = server->next)
			count++;
	ares_free_data(servers);
	ares_destroy(channel);
	return count;
}

/* Lets the channel begin with another server: the first ones of the list go to its end. */
static void rotate_servers(ares_channel channel, unsigned steps)
{
	struct ares_addr_port_node *servers = NULL, *last, *first;
	if (steps == 0 || ares_get_servers_ports(channel, &servers) != ARES_SUCCESS || servers == NULL)
		return;
	for (last = servers; last->next != NULL; last = last->next)
		;
	for (; steps > 0; steps--) {
		first = servers;
		if (first->next == NULL)
			break;
		servers = first->next;
		first->next = NULL;
		last->next = first;
		last = first;
	}
	ares_set_servers_ports(channel, servers);
	ares_free_data(servers);
}

/* c-ares asks each server in turn, and doubles the time-out for the second round: 3 time-outs a server in all. */
static int open_channel(ares_channel *channel, unsigned first, int64_t deadline_us)
{
	int servers = count_servers();
	int64_t left_ms = (deadline_us - clock_now_us()) / 1000;
	int64_t timeout_ms = left_ms / (3 * (int64_t)(servers > 0 ? servers : 1));
	struct ares_options options = {.tries = TRIES};
	options.timeout = (int)(timeout_ms > LEAST_TIMEOUT_MS ? timeout_ms : LEAST_TIMEOUT_MS);
	int error = ares_init_options(channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
	if (error == ARES_SUCCESS && servers > 1)
		rotate_servers(*channel, first % (unsigned)servers);
	return error;
}

/* "localhost", and names that end with ".localhost" (RFC 6761, 6.3), with or without a last dot. */
static bool is_localhost(const char *host)
{
	static const char name[] = "localhost";
	size_t length = strlen(host), bytes = sizeof name - 1;
	if (length > 0 && host[length - 1] == '.')
		length--;
	return length >= bytes && strncasecmp(host + length - bytes, name, bytes) == 0 &&
	       (length == bytes || host[length - bytes - 1] == '.');
}

static void ask_for(ares_channel channel, const char *host, int family, struct question *question)
{
	struct ares_addrinfo_hints hints = {
		.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_NOSORT};
	ares_getaddrinfo(channel, host, NULL, &hints, take_answer, question);
}

/*
 * No name server is asked for localhost, so one question is enough. It has to be one: c-ares 1.18.1 loses 10 bytes for
 * each family that /etc/hosts does not have.
 */
static void ask(ares_channel channel, const char *host, struct lookup *lookup)
{
	struct question *questions = lookup->questions;
	questions[FAMILY_IPV4].lookup = questions[FAMILY_IPV6].lookup = lookup;
	if (is_localhost(host)) {
		questions[FAMILY_IPV6].is_done = true;
		questions[FAMILY_IPV6].status = ARES_ENODATA;
		ask_for(channel, host, AF_UNSPEC, &questions[FAMILY_IPV4]);
	} else {
		ask_for(channel, host, AF_INET, &questions[FAMILY_IPV4]);
		ask_for(channel, host, AF_INET6, &questions[FAMILY_IPV6]);
	}
}

static bool are_all_done(const struct lookup *lookup)
{
	return lookup->questions[FAMILY_IPV4].is_done && lookup->questions[FAMILY_IPV6].is_done;
}

static void wait_for_answers(ares_channel channel, const struct lookup *lookup, int wake_fd, int64_t deadline_us)
{
	int64_t end_us = deadline_us;
	do {
		/* What is in /etc/hosts was found before the first step. */
		if (lookup->found > 0 && end_us == deadline_us)
			end_us = clock_earlier(deadline_us, clock_now_us() + RESOLVER_OTHER_FAMILY_US);
	} while (!are_all_done(lookup) && step(channel, wake_fd, end_us));
}

/* No name server answered this question. */
static bool is_silence(const struct question *question)
{
	return !question->is_done || question->status == ARES_ETIMEOUT || question->status == ARES_ECONNREFUSED ||
	       question->status == ARES_ECANCELLED || question->status == ARES_EDESTRUCTION;
}

static void explain(const struct lookup *lookup, struct resolver_answer *answer)
{
	const struct question *ipv4 = &lookup->questions[FAMILY_IPV4], *ipv6 = &lookup->questions[FAMILY_IPV6];
	/* What the one family's question was answered with says more than the silence about the other. */
	int status = is_silence(ipv4) ? ipv6->status : ipv4->status;
	answer->is_unanswered = is_silence(ipv4) && is_silence(ipv6);
	if (answer->is_unanswered)
		answer->problem = "no name server answers";
	else if (status == ARES_ENOTFOUND)
		answer->problem = "no such host name";
	else if (status == ARES_SUCCESS || status == ARES_ENODATA)
		answer->problem = "the name has no address";
	else
		answer->problem = ares_strerror(status);
}

struct resolver_answer resolver_lookup(const char *host, uint16_t port, int wake_fd, int64_t deadline_us)
{
	struct resolver_answer answer = {0};
	struct lookup lookup = {.port = port, .answer = &answer, .first_server = atomic_load(&first_server)};
	uint64_t seed = 0;
	ares_channel channel;

	/* Without random numbers the choice among too many addresses is the same each time: no harm. */
	if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
		seed = (uint64_t)clock_now_us();
	rng_seed(&lookup.rng, seed);
	int error = open_channel(&channel, lookup.first_server, deadline_us);
	if (error != ARES_SUCCESS) {
		answer.problem = ares_strerror(error);
		return answer;
	}
	ask(channel, host, &lookup);
	wait_for_answers(channel, &lookup, wake_fd, deadline_us);
	bool was_silent = lookup.was_silent || !are_all_done(&lookup);
	/* Ends the questions that are still open. */
	ares_destroy(channel);
	if (was_silent)
		/* Once, where several look-ups met the same silent server at once. */
		atomic_compare_exchange_strong(&first_server, &lookup.first_server, lookup.first_server + 1);
	if (answer.count == 0)
		explain(&lookup, &answer);
	return answer;
}
