#include "crowd.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

enum { CLIENTS = 64 };

struct crowd {
	pid_t pid;
};

struct work {
	const char *text;
	size_t bytes;
	bool reads;
	struct pollfd fds[CLIENTS];
	size_t sent[CLIENTS]; /* of the text */
	size_t count;
};

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
		_exit(1);
	return fd;
}

/* One that was disconnected keeps its end, and does nothing more. */
static void send_some(struct work *work, size_t i)
{
	ssize_t n = send(work->fds[i].fd, work->text + work->sent[i], work->bytes - work->sent[i],
			 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		work->fds[i].fd = -1;
	else
		work->sent[i] = (work->sent[i] + (size_t)n) % work->bytes;
}

static _Noreturn void run(struct work *work, int ready_fd)
{
	static char bytes[1 << 16];
	for (size_t i = 0; i < work->count; i++)
		send_some(work, i);
	if (write(ready_fd, "", 1) != 1)
		_exit(1);
	for (;;) {
		poll(work->fds, work->count, -1);
		for (size_t i = 0; i < work->count; i++) {
			if ((work->fds[i].revents & POLLIN) != 0 &&
			    recv(work->fds[i].fd, bytes, sizeof bytes, MSG_DONTWAIT) <= 0)
				work->fds[i].fd = -1;
			if ((work->fds[i].revents & POLLOUT) != 0)
				send_some(work, i);
			else if ((work->fds[i].revents & (POLLHUP | POLLERR)) != 0)
				work->fds[i].fd = -1;
		}
	}
}

struct crowd *crowd_start(const char *path, size_t clients, const char *text, size_t bytes, bool reads)
{
	struct crowd *crowd = calloc(1, sizeof *crowd);
	int ends[2];
	char byte;
	if (crowd == NULL || clients > CLIENTS || pipe(ends) != 0)
		abort();
	fflush(NULL);
	crowd->pid = fork();
	if (crowd->pid == 0) {
		static struct work work;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		work = (struct work){.text = text, .bytes = bytes, .reads = reads, .count = clients};
		for (size_t i = 0; i < clients; i++)
			work.fds[i] = (struct pollfd){.fd = connect_to(path),
						      .events = (short)(POLLOUT | (reads ? POLLIN : 0))};
		run(&work, ends[1]);
	}
	close(ends[1]);
	bool is_ready = crowd->pid > 0 && read(ends[0], &byte, 1) == 1;
	close(ends[0]);
	if (!is_ready)
		harness_fail("no crowd of clients");
	return crowd;
}

void crowd_stop(struct crowd *crowd)
{
	if (crowd == NULL)
		return;
	kill(crowd->pid, SIGKILL);
	waitpid(crowd->pid, NULL, 0);
	free(crowd);
}
