/* Usage: probe MODE HOST:PORT [SECRET_FILE]. Serves there until it is killed. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "probe.h"

static const struct {
	const char *name;
	answer_line *choose_answer; /* NULL: epoll */
	bool parks;
} modes[] = {
	{"epoll-fixed", NULL, false},	     {"pair-fixed", answer_fixed, false},
	{"pair-json", answer_json, false},   {"pair-json-parked", answer_json, true},
	{"pair-exact", answer_exact, false},
};

void probe_send(int fd, const char *text, size_t length)
{
	if (length > 0 && send(fd, text, length, MSG_NOSIGNAL) != (ssize_t)length)
		shutdown(fd, SHUT_RDWR);
}

/* Whoever is accepted inherits TCP_NODELAY. */
static int listen_at(const char *text)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	char host[INET_ADDRSTRLEN] = "";
	unsigned port;
	int on = 1;
	if (sscanf(text, "%15[0-9.]:%u", host, &port) != 2 || port > UINT16_MAX ||
	    inet_pton(AF_INET, host, &address.sin_addr) != 1)
		return -1;
	address.sin_port = htons((uint16_t)port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, SOMAXCONN) == 0 ? fd : -1;
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	int fd = argc == 3 || argc == 4 ? listen_at(argv[2]) : -1;
	raise_descriptor_limit();
	if (fd >= 0 && argc == 4 && strcmp(argv[1], "tls-fixed") == 0)
		serve_with_tls(fd, argv[3]);
	for (size_t i = 0; fd >= 0 && i < sizeof modes / sizeof *modes; i++) {
		if (strcmp(argv[1], modes[i].name) != 0)
			continue;
		if (modes[i].choose_answer == NULL)
			serve_with_epoll(fd);
		else
			serve_with_pairs(fd, modes[i].choose_answer, modes[i].parks);
	}
	fputs("usage: probe epoll-fixed|pair-fixed|pair-json|pair-json-parked|pair-exact HOST:PORT\n"
	      "       probe tls-fixed HOST:PORT SECRET_FILE\n",
	      stderr);
	return 64;
}
