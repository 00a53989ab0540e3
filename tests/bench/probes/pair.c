/*
 * Two threads for each connection: the reader reads lines and writes the answers to them; the sender waits on a
 * condition variable for the next ping to be due.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

enum { STACK_BYTES = 65536, PARKED_MOST = 64 };

struct pool {
	answer_line *choose_answer;
	bool parks;
	pthread_attr_t thread_attributes;
	pthread_mutex_t lock;
	struct pair *parked; /* guarded by lock, like the next line and each pair's next_parked */
	size_t parked_count;
};

struct pair {
	struct pool *pool;
	struct pair *next_parked;
	/* The reader's. */
	struct json_tokener *tokener;
	char *in;
	size_t in_bytes, in_length;
	char out[PROBE_READ_BYTES];
	size_t out_length;
	pthread_t sender;
	bool has_sender;
	/* Guarded by lock, which whoever writes to the connection holds too. */
	pthread_mutex_t lock;
	pthread_cond_t is_over_changed; /* the sender waits for it */
	pthread_cond_t fd_changed;	/* a parked reader waits for it */
	int fd;				/* -1 while the pair is parked */
	bool is_ready;
	bool is_over;
};

static void start_thread(struct pool *pool, pthread_t *thread, void *(*function)(void *), void *argument)
{
	if (pthread_create(thread, &pool->thread_attributes, function, argument) != 0)
		abort();
}

/* ---- the sender ---- */

static void *send_pings(void *argument)
{
	struct pair *pair = argument;
	struct timespec due;
	pthread_mutex_lock(&pair->lock);
	while (!pair->is_over) {
		clock_gettime(CLOCK_MONOTONIC, &due);
		due.tv_sec += PROBE_PING_INTERVAL_S;
		int status = pthread_cond_timedwait(&pair->is_over_changed, &pair->lock, &due);
		if (status == ETIMEDOUT && pair->is_ready)
			probe_send(pair->fd, answer_ping.text, answer_ping.length);
	}
	pthread_mutex_unlock(&pair->lock);
	return NULL;
}

static void start_sender(struct pair *pair)
{
	if (!pair->has_sender)
		start_thread(pair->pool, &pair->sender, send_pings, pair);
	pair->has_sender = true;
	pthread_mutex_lock(&pair->lock);
	pair->is_ready = true;
	pthread_mutex_unlock(&pair->lock);
}

/* ---- the reader ---- */

static void flush(struct pair *pair)
{
	if (pair->out_length == 0)
		return;
	pthread_mutex_lock(&pair->lock);
	probe_send(pair->fd, pair->out, pair->out_length);
	pthread_mutex_unlock(&pair->lock);
	pair->out_length = 0;
}

static void receive_line(struct pair *pair, const char *line, size_t length)
{
	const struct answer *answer = pair->pool->choose_answer(pair->tokener, line, length);
	if (pair->out_length + answer->length > sizeof pair->out)
		flush(pair);
	memcpy(pair->out + pair->out_length, answer->text, answer->length);
	pair->out_length += answer->length;
	if (answer == &answer_hello)
		start_sender(pair);
}

static void receive_lines(struct pair *pair)
{
	char *line = pair->in, *limit = pair->in + pair->in_length, *lf;
	while ((lf = memchr(line, '\n', (size_t)(limit - line))) != NULL) {
		receive_line(pair, line, (size_t)(lf - line));
		line = lf + 1;
	}
	pair->in_length = (size_t)(limit - line);
	memmove(pair->in, line, pair->in_length);
	flush(pair);
}

/* False if the line is too long. */
static bool make_room(struct pair *pair)
{
	if (pair->in_length < pair->in_bytes)
		return true;
	if (pair->in_bytes == PROBE_LINES_BYTES)
		return false;
	pair->in_bytes = pair->in_bytes == 0 ? PROBE_READ_BYTES : 2 * pair->in_bytes;
	char *grown = realloc(pair->in, pair->in_bytes);
	if (grown == NULL)
		abort();
	pair->in = grown;
	return true;
}

static void serve_connection(struct pair *pair)
{
	ssize_t got;
	while (make_room(pair) &&
	       (got = recv(pair->fd, pair->in + pair->in_length, pair->in_bytes - pair->in_length, 0)) > 0) {
		pair->in_length += (size_t)got;
		receive_lines(pair);
	}
	pthread_mutex_lock(&pair->lock);
	close(pair->fd);
	pair->fd = -1;
	pair->is_ready = false;
	pair->in_length = 0;
	pthread_mutex_unlock(&pair->lock);
}

/* Waits for another connection; false if enough pairs do so already. */
static bool park(struct pair *pair)
{
	struct pool *pool = pair->pool;
	pthread_mutex_lock(&pool->lock);
	bool has_place = pool->parks && pool->parked_count < PARKED_MOST;
	if (has_place) {
		pair->next_parked = pool->parked;
		pool->parked = pair;
		pool->parked_count++;
	}
	pthread_mutex_unlock(&pool->lock);
	if (!has_place)
		return false;
	pthread_mutex_lock(&pair->lock);
	while (pair->fd < 0)
		pthread_cond_wait(&pair->fd_changed, &pair->lock);
	pthread_mutex_unlock(&pair->lock);
	return true;
}

static void free_pair(struct pair *pair)
{
	pthread_mutex_lock(&pair->lock);
	pair->is_over = true;
	pthread_cond_signal(&pair->is_over_changed);
	pthread_mutex_unlock(&pair->lock);
	if (pair->has_sender)
		pthread_join(pair->sender, NULL);
	if (pair->tokener != NULL)
		json_tokener_free(pair->tokener);
	free(pair->in);
	pthread_cond_destroy(&pair->is_over_changed);
	pthread_cond_destroy(&pair->fd_changed);
	pthread_mutex_destroy(&pair->lock);
	free(pair);
}

static void *serve_pair(void *argument)
{
	struct pair *pair = argument;
	do
		serve_connection(pair);
	while (park(pair));
	free_pair(pair);
	return NULL;
}

/* ---- the thread that accepts ---- */

static void init_conditions(struct pair *pair)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&pair->is_over_changed, &attributes);
	pthread_cond_init(&pair->fd_changed, NULL);
	pthread_condattr_destroy(&attributes);
}

static void start_pair(struct pool *pool, int fd)
{
	struct pair *pair = calloc(1, sizeof *pair);
	pthread_t reader;
	if (pair == NULL)
		abort();
	pair->pool = pool;
	pair->fd = fd;
	if (pool->choose_answer != answer_fixed) {
		pair->tokener = json_tokener_new_ex(16);
		json_tokener_set_flags(pair->tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	}
	pthread_mutex_init(&pair->lock, NULL);
	init_conditions(pair);
	start_thread(pool, &reader, serve_pair, pair);
	pthread_detach(reader);
}

static struct pair *take_parked(struct pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	struct pair *pair = pool->parked;
	if (pair != NULL) {
		pool->parked = pair->next_parked;
		pool->parked_count--;
	}
	pthread_mutex_unlock(&pool->lock);
	return pair;
}

static void hand_over(struct pair *pair, int fd)
{
	pthread_mutex_lock(&pair->lock);
	pair->fd = fd;
	pthread_cond_signal(&pair->fd_changed);
	pthread_mutex_unlock(&pair->lock);
}

void serve_with_pairs(int listening_fd, answer_line *choose_answer, bool parks)
{
	struct pool pool = {.choose_answer = choose_answer, .parks = parks};
	pthread_mutex_init(&pool.lock, NULL);
	pthread_attr_init(&pool.thread_attributes);
	pthread_attr_setstacksize(&pool.thread_attributes, STACK_BYTES);
	for (;;) {
		int fd = accept4(listening_fd, NULL, NULL, SOCK_CLOEXEC);
		struct pair *pair = fd < 0 ? NULL : take_parked(&pool);
		if (pair != NULL)
			hand_over(pair, fd);
		else if (fd >= 0)
			start_pair(&pool, fd);
	}
}
