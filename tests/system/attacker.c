#include "attacker.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kithd.h"
#include "wire/address.h"

enum { ATTACKERS = 4, EVENTS = 256, OPENED_AT_ONCE = 64, LOOK_UP_MS = 1 };

/* What it has done, where the test can see it. */
struct deeds {
	_Atomic uint64_t opened, ended, sent_bytes;
	_Atomic int64_t longest_us;
};

struct attacker {
	pid_t pid;
	struct deeds *deeds;
};

static struct attacker attackers[ATTACKERS];

/* ---- the process ---- */

struct bad_peer {
	int fd;	     /* -1 for none */
	size_t next; /* what it sends next of the text */
	int64_t opened_us;
};

struct villain {
	const struct attack *attack;
	struct deeds *deeds;
	struct sockaddr_storage target;
	socklen_t target_bytes;
	struct sockaddr_storage hosts[ATTACK_HOSTS];
	socklen_t host_bytes;
	struct bad_peer *peers;
	size_t open; /* of the peers */
	int epoll_fd;
	int64_t started_us, next_send_us;
};

static void end(struct villain *villain, struct bad_peer *peer)
{
	int64_t lived_us = clock_now_us() - peer->opened_us;
	if (lived_us > villain->deeds->longest_us)
		villain->deeds->longest_us = lived_us;
	villain->deeds->ended++;
	villain->open--;
	close(peer->fd);
	peer->fd = -1;
}

static void send_some(struct villain *villain, struct bad_peer *peer)
{
	const struct attack *attack = villain->attack;
	size_t left = attack->text_bytes - peer->next;
	size_t wanted = left < attack->bytes_at_once ? left : attack->bytes_at_once;
	ssize_t sent = send(peer->fd, attack->text + peer->next, wanted, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent > 0) {
		villain->deeds->sent_bytes += (uint64_t)sent;
		peer->next = (peer->next + (size_t)sent) % attack->text_bytes;
	} else if (errno != EAGAIN && errno != EINTR) {
		end(villain, peer);
	}
}

static void read_some(struct villain *villain, struct bad_peer *peer)
{
	static char dropped[1 << 16];
	ssize_t got = recv(peer->fd, dropped, sizeof dropped, MSG_DONTWAIT);
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		end(villain, peer);
}

/* Over loopback it is connected by now, or in a moment if the kernel is busy. */
static void say_hello(const struct villain *villain, const struct bad_peer *peer)
{
	enum { LONGEST_MS = 1000 };
	char hello[256];
	poll(&(struct pollfd){.fd = peer->fd, .events = POLLOUT}, 1, LONGEST_MS);
	int length = snprintf(hello, sizeof hello,
			      "{\"msgtype\":\"hello\",\"nodeid\":\"bad00000-0000-4000-8000-%012llx\"%s}\n",
			      (unsigned long long)villain->deeds->opened, villain->attack->hello_keys);
	send(peer->fd, hello, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void watch(const struct villain *villain, struct bad_peer *peer)
{
	const struct attack *attack = villain->attack;
	bool sends_always = attack->text != NULL && attack->pause_us == 0;
	struct epoll_event event = {.events = (attack->never_reads ? 0 : (uint32_t)EPOLLIN) |
					      (sends_always ? (uint32_t)EPOLLOUT : 0),
				    .data.ptr = peer};
	epoll_ctl(villain->epoll_fd, EPOLL_CTL_ADD, peer->fd, &event);
}

/* Every other one by a reset. */
static void leave(struct villain *villain, struct bad_peer *peer)
{
	struct linger at_once = {.l_onoff = 1};
	if (villain->deeds->opened % 2 == 0)
		setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(peer->fd);
	peer->fd = -1;
}

/* False if the system refuses. */
static bool open_peer(struct villain *villain, struct bad_peer *peer)
{
	const struct attack *attack = villain->attack;
	const struct sockaddr_storage *host = &villain->hosts[villain->deeds->opened % (uint64_t)attack->hosts];
	int fd = socket(host->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	if (attack->receive_buffer_bytes > 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &attack->receive_buffer_bytes, sizeof(int));
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	if (bind(fd, (const struct sockaddr *)host, villain->host_bytes) != 0 ||
	    (connect(fd, (const struct sockaddr *)&villain->target, villain->target_bytes) != 0 &&
	     errno != EINPROGRESS)) {
		close(fd);
		return false;
	}
	*peer = (struct bad_peer){.fd = fd, .opened_us = clock_now_us()};
	villain->deeds->opened++;
	if (attack->leaves) {
		leave(villain, peer);
		return true;
	}
	villain->open++;
	if (attack->hello_keys != NULL)
		say_hello(villain, peer);
	watch(villain, peer);
	return true;
}

/* Not too many at once, since those that are there want to send. */
static void open_more(struct villain *villain)
{
	const struct attack *attack = villain->attack;
	double allowed = attack->opens_per_s * (double)(clock_now_us() - villain->started_us) / 1e6;
	size_t count = 0;
	for (size_t i = 0; i < attack->connections && count < OPENED_AT_ONCE; i++) {
		if (villain->peers[i].fd >= 0)
			continue;
		if (attack->opens_per_s > 0 && (double)villain->deeds->opened >= allowed)
			return;
		if (!open_peer(villain, &villain->peers[i]))
			return;
		count++;
	}
}

static void send_all(struct villain *villain)
{
	int64_t now_us = clock_now_us();
	if (villain->attack->text == NULL || villain->attack->pause_us == 0 || now_us < villain->next_send_us)
		return;
	villain->next_send_us = now_us + villain->attack->pause_us;
	for (size_t i = 0; i < villain->attack->connections; i++)
		if (villain->peers[i].fd >= 0)
			send_some(villain, &villain->peers[i]);
}

static void turn(struct villain *villain, struct bad_peer *peer, uint32_t events)
{
	if (villain->attack->never_reads && (events & (EPOLLERR | EPOLLHUP)) != 0)
		end(villain, peer);
	else if ((events & ~(uint32_t)EPOLLOUT) != 0)
		read_some(villain, peer);
	if (peer->fd >= 0 && (events & EPOLLOUT) != 0)
		send_some(villain, peer);
}

static _Noreturn void attack_for_ever(struct villain *villain)
{
	struct epoll_event events[EVENTS];
	villain->started_us = clock_now_us();
	for (;;) {
		if (villain->open < villain->attack->connections)
			open_more(villain);
		send_all(villain);
		int wait_ms = villain->attack->leaves ? 0 : LOOK_UP_MS;
		int count = epoll_wait(villain->epoll_fd, events, EVENTS, wait_ms);
		for (int i = 0; i < count; i++)
			turn(villain, events[i].data.ptr, events[i].events);
	}
}

/* The test's own descriptors must not stay open here when it closes them. */
static _Noreturn void become_attacker(struct villain *villain, pid_t parent)
{
	struct rlimit limit;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_range(STDERR_FILENO + 1, ~0U, 0);
	if (getppid() == parent && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		villain->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
		attack_for_ever(villain);
	}
	_exit(EXIT_FAILURE);
}

/* ---- the test's side ---- */

static void find_addresses(struct villain *villain, const char *target)
{
	struct address address;
	if (!address_parse(target, &address))
		harness_fail("%s is no address", target);
	villain->target_bytes = address_to_socket(&address, &villain->target);
	for (int i = 0; i < villain->attack->hosts; i++) {
		if (!address_from_host(harness_host(i + 1), 0, &address))
			abort();
		villain->host_bytes = address_to_socket(&address, &villain->hosts[i]);
	}
}

static struct attacker *new_attacker(void)
{
	for (size_t i = 0; i < ATTACKERS; i++)
		if (attackers[i].pid == 0)
			return &attackers[i];
	abort();
}

struct attacker *attacker_start(struct kithd *kithd, const struct attack *attack)
{
	static struct villain villain;
	struct attacker *attacker = new_attacker();
	/* cppcheck-suppress invalidFunctionArg; without a file the descriptor is -1 */
	void *shared = mmap(NULL, sizeof *attacker->deeds, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	attacker->deeds = shared;
	villain = (struct villain){
		.attack = attack,
		.deeds = attacker->deeds,
		.peers = calloc(attack->connections, sizeof *villain.peers),
	};
	if (shared == MAP_FAILED || villain.peers == NULL)
		abort();
	for (size_t i = 0; i < attack->connections; i++)
		villain.peers[i].fd = -1;
	find_addresses(&villain, kithd_address(kithd));
	pid_t parent = getpid();
	attacker->pid = fork();
	if (attacker->pid < 0)
		abort();
	if (attacker->pid == 0)
		become_attacker(&villain, parent);
	free(villain.peers);
	return attacker;
}

uint64_t attacker_opened(const struct attacker *attacker)
{
	return attacker->deeds->opened;
}

uint64_t attacker_ended(const struct attacker *attacker)
{
	return attacker->deeds->ended;
}

int64_t attacker_longest_us(const struct attacker *attacker)
{
	return attacker->deeds->longest_us;
}

uint64_t attacker_sent_bytes(const struct attacker *attacker)
{
	return attacker->deeds->sent_bytes;
}

void attacker_stop(struct attacker *attacker)
{
	kill(attacker->pid, SIGKILL);
	waitpid(attacker->pid, NULL, 0);
	munmap(attacker->deeds, sizeof *attacker->deeds);
	*attacker = (struct attacker){0};
}

void attacker_stop_all(void)
{
	for (size_t i = 0; i < ATTACKERS; i++)
		if (attackers[i].pid != 0)
			attacker_stop(&attackers[i]);
}
