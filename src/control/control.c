#include "control/control_priv.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utlist.h>

#include "base/log.h"
#include "base/progress.h"

extern struct mutex control_guard;

struct control {
	/* Immutable after control_start. */
	struct control_parts parts;
	struct place place;
	struct thread thread;
	struct wakeup wakeup;
	/* Guarded. */
	struct mutex mutex;
	struct client *clients GUARDED_BY(control_guard);
	struct client *finished GUARDED_BY(control_guard); /* their threads end, and are to be joined */
	size_t count GUARDED_BY(control_guard);		   /* of clients */
	/* Atomic. */
	atomic_bool is_stopping;
	struct progress progress;
};

static void enter(struct control *control) ACQUIRES(control_guard) UNCHECKED
{
	mutex_lock(&control->mutex);
}

static void leave(struct control *control) RELEASES(control_guard) UNCHECKED
{
	mutex_unlock(&control->mutex);
}

const struct control_parts *control_parts(const struct control *control)
{
	return &control->parts;
}

const char *control_path(const struct control *control)
{
	return control->place.path;
}

bool control_is_stopping(const struct control *control)
{
	return atomic_load(&control->is_stopping);
}

size_t control_clients(struct control *control)
{
	enter(control);
	size_t count = control->count;
	leave(control);
	return count;
}

static void *serve(void *argument)
{
	struct client *client = argument;
	struct control *control = client->control;
	client_serve(client);
	enter(control);
	DL_DELETE(control->clients, client);
	DL_APPEND(control->finished, client);
	control->count--;
	leave(control);
	wakeup_ring(&control->wakeup);
	return NULL;
}

/* Joins the threads that have ended. */
static void bury_finished(struct control *control)
{
	struct client *client;
	do {
		enter(control);
		client = control->finished;
		if (client != NULL)
			DL_DELETE(control->finished, client);
		leave(control);
		if (client != NULL) {
			thread_join(client->thread);
			close(client->fd);
			free(client);
		}
	} while (client != NULL);
}

/* Says why, as far as that doesn't block, and closes. */
static void turn_away(int fd, const char *code, const char *text)
{
	struct buffer out = {0};
	struct row row = row_begin(&out, "error");
	row_text(&row, "error", code);
	row_text(&row, "text", text);
	if (row_end(&row))
		send(fd, buffer_content(&out), buffer_length(&out), MSG_DONTWAIT | MSG_NOSIGNAL);
	buffer_fini(&out);
	close(fd);
}

static struct client *new_client(struct control *control, int fd)
{
	struct ucred who = {.uid = (uid_t)-1};
	socklen_t size = sizeof who;
	struct client *client = calloc(1, sizeof *client);
	if (client == NULL)
		return NULL;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){CLIENT_SOCKET_BYTES}, sizeof(int));
	client->control = control;
	client->fd = fd;
	client->uid = who.uid;
	client->pid = who.pid;
	return client;
}

/* Takes fd. */
static void take_client(struct control *control, int fd)
{
	static struct log_limit limit;
	unsigned suppressed;
	if (control_clients(control) >= (size_t)control->parts.common.settings->max_controls) {
		turn_away(fd, "too_many_clients", "this node has as many clients as max_controls allows: end one");
		return;
	}
	struct client *client = new_client(control, fd);
	if (client == NULL) {
		turn_away(fd, "no_memory", "this node has no memory for another client");
		return;
	}
	enter(control);
	DL_APPEND(control->clients, client);
	control->count++;
	/* Under the lock, so that a thread that ends at once finds its number here. */
	int error = thread_start(&client->thread, serve, client);
	if (error != 0) {
		DL_DELETE(control->clients, client);
		control->count--;
	}
	leave(control);
	if (error == 0)
		return;
	turn_away(fd, "no_thread", "this node can't start a thread for another client");
	free(client);
	if (log_limit_take(&limit, &suppressed))
		log_error("control: cannot start a thread: %s (%u more since the last such line)", strerror(error),
			  suppressed);
}

static void *accept_all(void *argument)
{
	struct control *control = argument;
	enum { PAUSE_MS = 100 };
	bool pauses = false;
	while (!control_is_stopping(control)) {
		progress_show(&control->progress);
		struct pollfd fds[] = {{.fd = control->wakeup.fd, .events = POLLIN},
				       {.fd = pauses ? -1 : control->place.fd, .events = POLLIN}};
		poll(fds, 2, pauses ? PAUSE_MS : -1);
		pauses = false;
		wakeup_clear(&control->wakeup);
		bury_finished(control);
		if ((fds[1].revents & POLLIN) == 0)
			continue;
		int fd = accept4(control->place.fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			take_client(control, fd);
		else
			/* Without descriptors it would be tried again at once. */
			pauses = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
	}
	return NULL;
}

struct control *control_start(const struct control_parts *parts, struct place *place, struct problem *problem) UNCHECKED
{
	struct control *control = calloc(1, sizeof *control);
	int error = control == NULL ? ENOMEM : wakeup_init(&control->wakeup);
	if (error != 0) {
		free(control);
		place_fini(place);
		problem_set(problem, "cannot start the control socket: %s", strerror(error));
		return NULL;
	}
	control->parts = *parts;
	control->place = *place;
	mutex_init(&control->mutex);
	error = thread_start(&control->thread, accept_all, control);
	if (error == 0)
		return control;
	mutex_fini(&control->mutex);
	wakeup_fini(&control->wakeup);
	free(control);
	place_fini(place);
	problem_set(problem, "cannot start the control socket: %s", strerror(error));
	return NULL;
}

void control_ask_progress(struct control *control)
{
	progress_ask(&control->progress);
	wakeup_ring(&control->wakeup);
}

bool control_shows_progress(const struct control *control)
{
	return progress_is_shown(&control->progress);
}

/* Those that read or write are woken. */
static void shut_all(struct control *control, int how)
{
	enter(control);
	for (const struct client *client = control->clients; client != NULL; client = client->next)
		shutdown(client->fd, how);
	leave(control);
}

/* Until there is none, or none has ended for so long; -1 for as long as it takes. */
static void wait_for_clients(struct control *control, int timeout_ms)
{
	struct pollfd ended = {.fd = control->wakeup.fd, .events = POLLIN};
	while (control_clients(control) > 0 && poll(&ended, 1, timeout_ms) != 0)
		wakeup_clear(&control->wakeup);
}

void control_stop(struct control *control) UNCHECKED
{
	if (control == NULL)
		return;
	enum { WORDS_MS = 200 };
	atomic_store(&control->is_stopping, true);
	wakeup_ring(&control->wakeup);
	thread_join(control->thread);
	journal_close(control->parts.common.journal);
	/* Those that read their answer get its end; nobody waits for the others. */
	shut_all(control, SHUT_RD);
	wait_for_clients(control, WORDS_MS);
	shut_all(control, SHUT_RDWR);
	wait_for_clients(control, -1);
	bury_finished(control);
	place_fini(&control->place);
	mutex_fini(&control->mutex);
	wakeup_fini(&control->wakeup);
	free(control);
}
