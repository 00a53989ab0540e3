#include "kith/finder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/runtime_dir.h"
#include "kith/sockets.h"
#include "kith/table.h"
#include "kith/value.h"

/* A node that runs here and answers. */
struct node {
	struct session session;
	const char *path;
	bool answers; /* the row of its info is in its session */
};

struct nodes {
	struct node list[SOCKETS_MOST];
	size_t count;
};

static const char *name_of(const struct node *node)
{
	const char *name = value_text(node->session.row, "name");
	return name == NULL ? "" : name;
}

/* Begins a conversation over the connection. */
static void take(struct socket_found *found, struct session *session)
{
	session_init(session, found->fd);
	strcpy(session->path, found->path);
	found->fd = -1;
}

/* Takes the connections out of the sockets, and asks each node who it is. */
static void nodes_init(struct nodes *nodes, struct sockets *sockets)
{
	enum { WHO_MS = 2000 };
	nodes->count = 0;
	for (size_t i = 0; i < sockets->count; i++) {
		struct socket_found *found = &sockets->connected[i];
		struct node *node = &nodes->list[nodes->count++];
		*node = (struct node){.path = found->path};
		take(found, &node->session);
		node->session.patience_ms = WHO_MS;
	}
	for (size_t i = 0; i < nodes->count; i++)
		session_ask(&nodes->list[i].session, "info");
	for (size_t i = 0; i < nodes->count; i++)
		nodes->list[i].answers = session_next(&nodes->list[i].session) == SESSION_ROW;
}

static void nodes_fini(struct nodes *nodes)
{
	for (size_t i = 0; i < nodes->count; i++)
		session_fini(&nodes->list[i].session);
}

static enum outcome print_nodes(const struct nodes *nodes, const struct table_style *style)
{
	struct table table;
	table_init(&table, style);
	table_add_column(&table, "NAME", 0);
	table_add_column(&table, "ADDRESS", 0);
	table_add_column(&table, "SOCKET", 0);
	for (size_t i = 0; i < nodes->count; i++) {
		const struct node *node = &nodes->list[i];
		char address[VALUE_SHORT_BYTES];
		value_first_of_list(node->session.row, "listen", address);
		table_add_line(&table);
		table_put(&table, 0, node->answers ? name_of(node) : "(does not answer)");
		table_put(&table, 1, node->answers ? address : "");
		table_put(&table, 2, node->path);
	}
	enum outcome outcome = table_print(&table);
	table_fini(&table);
	return outcome;
}

static void list_for_choice(const struct nodes *nodes)
{
	if (complaints_are_shown())
		print_nodes(nodes, &(struct table_style){.is_for_stderr = true});
}

/* Moves the conversation with that node out of the list. */
static enum outcome choose(struct node *node, struct session *session)
{
	/* The end of the answer is still to come. */
	if (node->session.row != NULL && session_expect(&node->session) != SESSION_END)
		return node->session.outcome;
	*session = node->session;
	session->patience_ms = SESSION_PATIENCE_MS;
	session_init(&node->session, -1);
	return OUTCOME_DONE;
}

static enum outcome choose_by_name(struct nodes *nodes, const char *name, struct session *session)
{
	struct node *chosen = NULL;
	size_t count = 0;
	for (size_t i = 0; i < nodes->count; i++) {
		if (strcmp(name_of(&nodes->list[i]), name) != 0)
			continue;
		chosen = &nodes->list[i];
		count++;
	}
	if (count == 1)
		return choose(chosen, session);
	if (count == 0)
		complain(OUTCOME_NO_NODE, "no node that runs here is called \"%s\"; these do:", name);
	else
		complain(OUTCOME_NO_NODE, "%zu nodes are called \"%s\": choose one by its socket, with -s:", count,
			 name);
	list_for_choice(nodes);
	return count == 0 ? OUTCOME_NO_NODE : OUTCOME_WRONG_USAGE;
}

static enum outcome choose_among(struct sockets *sockets, const char *name, struct session *session)
{
	enum outcome outcome;
	struct nodes *nodes = calloc(1, sizeof *nodes);
	if (nodes == NULL)
		return complain_no_memory();
	nodes_init(nodes, sockets);
	if (name != NULL) {
		outcome = choose_by_name(nodes, name, session);
	} else {
		outcome = complain(OUTCOME_WRONG_USAGE,
				   "%zu nodes run here: choose one with -n NAME, or with -s SOCKET:", nodes->count);
		list_for_choice(nodes);
	}
	nodes_fini(nodes);
	free(nodes);
	return outcome;
}

/* "a", "a or b", "a, b or c" */
static void list_directories(char directories[][RUNTIME_DIR_BYTES], size_t count, char *out, size_t out_bytes)
{
	size_t length = 0;
	out[0] = '\0';
	for (size_t i = 0; i < count && length < out_bytes; i++)
		length += (size_t)snprintf(out + length, out_bytes - length, "%s%s",
					   i == 0 ? "" : (i + 1 == count ? " or " : ", "), directories[i]);
}

/* None is connected: says what is nearest to one. */
static enum outcome complain_of_none(const struct sockets *sockets, char directories[][RUNTIME_DIR_BYTES], size_t count)
{
	char places[RUNTIME_DIRS * RUNTIME_DIR_BYTES + 32];
	const struct socket_found *failed = &sockets->failed;
	bool is_forbidden = failed->path[0] != '\0' && failed->error == EACCES;
	if (sockets->closed_directory[0] != '\0' && !is_forbidden)
		return sockets_complain(sockets->closed_directory, EACCES);
	if (failed->path[0] != '\0')
		return sockets_complain(failed->path, failed->error);
	list_directories(directories, count, places, sizeof places);
	complain(OUTCOME_NO_NODE, "no node runs here: there is no control socket in %s", places);
	if (complaints_are_shown())
		fputs("Start one:            kithd -o name=alpha\n"
		      "or the service:       sudo systemctl start kithd\n"
		      "A socket elsewhere:   kith -s PATH, or KITH_CONTROL=PATH\n",
		      stderr);
	return OUTCOME_NO_NODE;
}

/* Where nodes put their sockets, or that directory alone if it isn't NULL. Complains if no node answers there. */
static enum outcome look_everywhere(struct sockets *sockets, const char *directory)
{
	char directories[RUNTIME_DIRS][RUNTIME_DIR_BYTES];
	size_t count = 1;
	if (directory == NULL)
		count = runtime_dir_list(geteuid(), directories);
	else
		snprintf(directories[0], RUNTIME_DIR_BYTES, "%s", directory);
	for (size_t i = 0; i < count; i++)
		sockets_look_in(sockets, directories[i]);
	if (sockets->left_out > 0)
		complain(OUTCOME_DONE,
			 "more than %d nodes run here, and %zu of them %s not asked: name a socket with -s",
			 SOCKETS_MOST, sockets->left_out, sockets->left_out == 1 ? "is" : "are");
	return sockets->count > 0 ? OUTCOME_DONE : complain_of_none(sockets, directories, count);
}

static enum outcome search(struct sockets *sockets, const char *directory, const char *name, struct session *session)
{
	enum outcome outcome = look_everywhere(sockets, directory);
	if (outcome != OUTCOME_DONE)
		return outcome;
	if (sockets->count > 1 || name != NULL)
		return choose_among(sockets, name, session);
	take(&sockets->connected[0], session);
	return OUTCOME_DONE;
}

static enum outcome look_at(struct sockets *sockets, const char *path)
{
	if (!sockets_look_at(sockets, path))
		return complain(OUTCOME_WRONG_USAGE, "%s: too long for the path of a socket (at most %d bytes)", path,
				SOCKET_PATH_BYTES - 1);
	return sockets->count > 0 ? OUTCOME_DONE : sockets_complain(path, sockets->failed.error);
}

static enum outcome take_named(struct sockets *sockets, const char *path, struct session *session)
{
	enum outcome outcome = look_at(sockets, path);
	if (outcome != OUTCOME_DONE)
		return outcome;
	take(&sockets->connected[0], session);
	return OUTCOME_DONE;
}

/* What the options or the environment name as the place to look at; NULL for the usual places. */
static const char *named_place(const struct options *options)
{
	const char *path = options->values[OPTION_SOCKET];
	if (path == NULL)
		path = getenv("KITH_CONTROL");
	return path == NULL || path[0] == '\0' ? NULL : path;
}

static bool is_directory(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

enum outcome finder_connect(const struct options *options, struct session *session)
{
	struct sockets *sockets = calloc(1, sizeof *sockets);
	const char *place = named_place(options), *name = options->values[OPTION_NAME];
	enum outcome outcome;
	if (sockets == NULL)
		return complain_no_memory();
	session_init(session, -1);
	/* A name that is typed beats a socket that the environment names. */
	if (name != NULL && !option_is_given(options, OPTION_SOCKET) && place != NULL && !is_directory(place))
		place = NULL;
	if (place == NULL || is_directory(place))
		outcome = search(sockets, place, name, session);
	else
		outcome = take_named(sockets, place, session);
	sockets_close(sockets);
	free(sockets);
	return outcome;
}

static enum outcome print_all(struct nodes *nodes, struct sockets *sockets, const struct options *options)
{
	const struct table_style style = {.is_raw = option_is_given(options, OPTION_RAW),
					  .has_no_headings = option_is_given(options, OPTION_NO_HEADINGS)};
	const char *place = named_place(options);
	bool is_one = place != NULL && !is_directory(place);
	enum outcome outcome = is_one ? look_at(sockets, place) : look_everywhere(sockets, place);
	if (outcome != OUTCOME_DONE)
		return outcome;
	nodes_init(nodes, sockets);
	outcome = print_nodes(nodes, &style);
	nodes_fini(nodes);
	sockets_close(sockets);
	return outcome;
}

enum outcome finder_print_nodes(const struct options *options)
{
	struct sockets *sockets = calloc(1, sizeof *sockets);
	struct nodes *nodes = calloc(1, sizeof *nodes);
	enum outcome outcome =
		sockets == NULL || nodes == NULL ? complain_no_memory() : print_all(nodes, sockets, options);
	free(sockets);
	free(nodes);
	return outcome;
}
