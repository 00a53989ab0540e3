#include "kith/web_server.h"

#include <dlfcn.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sync.h"
#include "kith/mesh_html.h"
#include "kith/web_host.h"

/* What is used of the library. */
#define MHD_SYMBOLS(DO)                                                                                                \
	DO(add_response_header);                                                                                       \
	DO(create_response_from_buffer);                                                                               \
	DO(destroy_response);                                                                                          \
	DO(get_connection_info);                                                                                       \
	DO(get_connection_values);                                                                                     \
	DO(get_daemon_info);                                                                                           \
	DO(get_timeout);                                                                                               \
	DO(get_version);                                                                                               \
	DO(queue_response);                                                                                            \
	DO(resume_connection);                                                                                         \
	DO(run);                                                                                                       \
	DO(start_daemon);                                                                                              \
	DO(stop_daemon);                                                                                               \
	DO(suspend_connection)

#define DECLARE(name) __typeof__ (&MHD_##name)(name)
static struct {
	void *library;
	MHD_SYMBOLS(DECLARE);
} mhd;
#undef DECLARE

/*
 * How much others can make it use: connections, memory for the head of a request, how long a connection may be idle,
 * how long it may last, and how long while all places are taken: others may be waiting in the queue of the socket.
 */
enum {
	CONNECTIONS = 64,
	REQUEST_BYTES = 16384,
	IDLE_S = 10,
	LONGEST_US = 30 * 1000 * 1000,
	CROWDED_US = 2 * 1000 * 1000,
	FRESH_US = 1000 * 1000,
};

/* A connection. It lasts for one request. */
struct visitor {
	struct MHD_Connection *connection; /* NULL for a free place */
	int fd;
	int64_t since_us;
	enum web_page awaited; /* WEB_PAGES for none */
};

struct page {
	struct MHD_Response *response; /* the last one; NULL before the first */
	unsigned status;
	int64_t made_us;
};

struct web_server {
	struct MHD_Daemon *daemon;
	const char *names;
	struct visitor visitors[CONNECTIONS];
	struct page pages[WEB_PAGES];
};

static const struct {
	const char *path, *content_type;
} places[WEB_PAGES] = {
	[WEB_MAP] = {"/", "text/html; charset=utf-8"},
	[WEB_METRICS] = {"/metrics", "text/plain; version=0.0.4; charset=utf-8"},
	[WEB_HEALTH] = {"/healthz", "text/plain; charset=utf-8"},
};

/* ---- answers ---- */

/* NULL if there is no memory. */
static struct MHD_Response *make_response(const char *bytes, size_t length, const char *content_type)
{
	const struct {
		const char *name, *value;
	} headers[] = {
		{"Content-Type", content_type},
		{"Content-Security-Policy", mesh_html_policy},
		{"X-Content-Type-Options", "nosniff"},
		{"Referrer-Policy", "no-referrer"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Cache-Control", "no-store"},
		{"Connection", "close"},
	};
	char *copy = malloc(length + 1);
	if (copy == NULL)
		return NULL;
	memcpy(copy, bytes, length);
	struct MHD_Response *response = mhd.create_response_from_buffer(length, copy, MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		free(copy);
	for (size_t i = 0; response != NULL && i < sizeof headers / sizeof *headers; i++)
		if (mhd.add_response_header(response, headers[i].name, headers[i].value) != MHD_YES) {
			mhd.destroy_response(response);
			response = NULL;
		}
	return response;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *text)
{
	struct MHD_Response *response = make_response(text, strlen(text), "text/plain; charset=utf-8");
	if (response == NULL)
		return MHD_NO;
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		mhd.add_response_header(response, "Allow", "GET, HEAD");
	enum MHD_Result result = mhd.queue_response(connection, status, response);
	mhd.destroy_response(response);
	return result;
}

static enum MHD_Result answer(struct web_server *server, struct MHD_Connection *connection, enum web_page page)
{
	const struct page *made = &server->pages[page];
	return made->response == NULL ? MHD_NO : mhd.queue_response(connection, made->status, made->response);
}

/* ---- requests ---- */

struct hosts {
	const char *value;
	size_t count;
};

static enum MHD_Result look_at_header(void *context, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct hosts *hosts = context;
	(void)kind;
	if (strcasecmp(key, "Host") != 0)
		return MHD_YES;
	hosts->value = value;
	hosts->count++;
	return MHD_YES;
}

static bool is_meant(const struct web_server *server, struct MHD_Connection *connection, const struct visitor *visitor)
{
	struct hosts hosts = {0};
	struct sockaddr_storage socket_address;
	socklen_t length = sizeof socket_address;
	struct address local;
	mhd.get_connection_values(connection, MHD_HEADER_KIND, look_at_header, &hosts);
	return hosts.count == 1 && getsockname(visitor->fd, (struct sockaddr *)&socket_address, &length) == 0 &&
	       address_from_socket(&socket_address, &local) && web_host_is_allowed(hosts.value, &local, server->names);
}

static struct visitor *find_visitor(struct web_server *server, const struct MHD_Connection *connection)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (server->visitors[i].connection == connection)
			return &server->visitors[i];
	return NULL;
}

static enum web_page find_page(const char *path)
{
	enum web_page page = 0;
	while (page < WEB_PAGES && strcmp(places[page].path, path) != 0)
		page++;
	return page;
}

/* Of each request it is called when its head has come, and again when the page is there that it has waited for. */
static enum MHD_Result take_request(void *context, struct MHD_Connection *connection, const char *path,
				    const char *method, const char *version, const char *body, size_t *body_bytes,
				    void **state)
{
	struct web_server *server = context;
	struct visitor *visitor = find_visitor(server, connection);
	enum web_page page = find_page(path);
	(void)version;
	(void)body;
	(void)body_bytes;
	if (visitor == NULL)
		return MHD_NO;
	if (*state != NULL)
		return answer(server, connection, page);
	if (!is_meant(server, connection, visitor))
		return refuse(connection, MHD_HTTP_MISDIRECTED_REQUEST,
			      "This is not the host that the request is for: use the address that kith web prints, or "
			      "start it with --host NAME.\n");
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "Only GET and HEAD are answered.\n");
	if (page == WEB_PAGES)
		return refuse(connection, MHD_HTTP_NOT_FOUND, "There are only /, /metrics and /healthz.\n");
	const struct page *made = &server->pages[page];
	if (made->response != NULL && clock_now_us() - made->made_us < FRESH_US)
		return answer(server, connection, page);
	*state = visitor;
	visitor->awaited = page;
	mhd.suspend_connection(connection);
	return MHD_YES;
}

/* ---- connections ---- */

static void note_connection(void *context, struct MHD_Connection *connection, void **state,
			    enum MHD_ConnectionNotificationCode code)
{
	struct web_server *server = context;
	struct visitor *visitor = find_visitor(server, code == MHD_CONNECTION_NOTIFY_STARTED ? NULL : connection);
	(void)state;
	if (visitor == NULL)
		return;
	*visitor = (struct visitor){.awaited = WEB_PAGES};
	if (code != MHD_CONNECTION_NOTIFY_STARTED)
		return;
	visitor->connection = connection;
	visitor->fd = mhd.get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	visitor->since_us = clock_now_us();
}

static size_t count_visitors(const struct web_server *server)
{
	size_t count = 0;
	for (size_t i = 0; i < CONNECTIONS; i++)
		count += server->visitors[i].connection != NULL;
	return count;
}

/* Ends connections that last too long, however busy they look. One that waits for a page is not for long. */
static void end_old_connections(struct web_server *server)
{
	int64_t now_us = clock_now_us(), longest_us = count_visitors(server) < CONNECTIONS ? LONGEST_US : CROWDED_US;
	for (size_t i = 0; i < CONNECTIONS; i++) {
		const struct visitor *visitor = &server->visitors[i];
		if (visitor->connection != NULL && visitor->awaited == WEB_PAGES &&
		    now_us - visitor->since_us > longest_us)
			shutdown(visitor->fd, SHUT_RDWR);
	}
}

bool web_server_is_awaited(const struct web_server *server, enum web_page page)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (server->visitors[i].connection != NULL && server->visitors[i].awaited == page)
			return true;
	return false;
}

static void resume(struct web_server *server, enum web_page page)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct visitor *visitor = &server->visitors[i];
		if (visitor->connection == NULL || visitor->awaited != page)
			continue;
		visitor->awaited = WEB_PAGES;
		mhd.resume_connection(visitor->connection);
	}
}

void web_server_put(struct web_server *server, enum web_page page, unsigned status, const char *bytes, size_t length)
{
	struct page *made = &server->pages[page];
	if (made->response != NULL)
		mhd.destroy_response(made->response);
	made->response = make_response(bytes, length, places[page].content_type);
	made->status = status;
	made->made_us = clock_now_us();
	resume(server, page);
}

/* ---- the library ---- */

static bool load(struct problem *problem)
{
	mhd.library = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);
	bool has_all = mhd.library != NULL;
#define FIND(name) has_all = has_all && (*(void **)&mhd.name = dlsym(mhd.library, "MHD_" #name)) != NULL
	MHD_SYMBOLS(FIND);
#undef FIND
	return has_all || problem_set(problem, "kith web needs libmicrohttpd (Debian: libmicrohttpd12): %s", dlerror());
}

struct web_server *web_server_start(int listening, const char *names, struct problem *problem)
{
	struct web_server *server = calloc(1, sizeof *server);
	if (server == NULL || !load(problem)) {
		if (server == NULL)
			problem_set_lacks_memory(problem);
		close(listening);
		free(server);
		return NULL;
	}
	server->names = names;
	server->daemon = mhd.start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, take_request, server, MHD_OPTION_LISTEN_SOCKET,
		listening, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)REQUEST_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_NOTIFY_CONNECTION,
		note_connection, server, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (server->daemon != NULL)
		return server;
	problem_set(problem, "libmicrohttpd does not start");
	close(listening);
	free(server);
	return NULL;
}

void web_server_stop(struct web_server *server)
{
	if (server == NULL)
		return;
	/* None may be suspended when it stops. */
	for (enum web_page page = 0; page < WEB_PAGES; page++)
		resume(server, page);
	mhd.stop_daemon(server->daemon);
	for (enum web_page page = 0; page < WEB_PAGES; page++)
		if (server->pages[page].response != NULL)
			mhd.destroy_response(server->pages[page].response);
	free(server);
}

int web_server_fd(const struct web_server *server)
{
	return mhd.get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int web_server_timeout_ms(struct web_server *server)
{
	enum { SWEEP_MS = 1000 };
	MHD_UNSIGNED_LONG_LONG timeout_ms;
	if (mhd.get_timeout(server->daemon, &timeout_ms) == MHD_YES && timeout_ms < SWEEP_MS)
		return (int)timeout_ms;
	return count_visitors(server) > 0 ? SWEEP_MS : -1;
}

void web_server_run(struct web_server *server)
{
	end_old_connections(server);
	bool was_full = count_visitors(server) == CONNECTIONS;
	mhd.run(server->daemon);
	/* It accepts again only after a run that begins with a free place. */
	if (was_full && count_visitors(server) < CONNECTIONS)
		mhd.run(server->daemon);
}

const char *web_server_library_version(void)
{
	struct problem problem;
	return load(&problem) ? mhd.get_version() : NULL;
}
