#include "book/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/privilege.h"
#include "base/problem.h"

enum {
	READ_BYTES = 64 * 1024,
	NODEID_FILE_BYTES = 256,
	PORTS_FILE_BYTES = 2048, /* a line for each of the 256 addresses that listen may have */
	/* A file of addresses may come from a run with a larger book; and no line of ours is longer. */
	ADDRESSES_FILE_BYTES = 64 * 1024 * 1024,
	ADDRESS_LINE_BYTES = 1024,
	ADVICE_BYTES = PRIVILEGE_USER_BYTES + 80,
};

struct state {
	int fd;
	char *dir;
	bool keeps_nodeid;
	struct nodeid nodeid; /* if it is kept */
};

/* ---- the folder ---- */

static int open_folder(const char *dir)
{
	static const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	int fd = open(dir, flags);
	if (fd < 0 && errno == ENOENT && (mkdir(dir, 0700) == 0 || errno == EEXIST))
		fd = open(dir, flags);
	return fd;
}

/* What to do about it, after a colon, if another folder can help; it may be written into out. */
static const char *advice(int error, char out[static ADVICE_BYTES])
{
	char user[PRIVILEGE_USER_BYTES];
	switch (error) {
	case ENOENT:
		return ": make the folder that it is to be in, or name another";
	case ENOTDIR:
		return ": name a folder";
	case EACCES:
	case EPERM:
		privilege_user_name(user);
		snprintf(out, ADVICE_BYTES, ": make a folder there that the user \"%s\" can read and write", user);
		return out;
	case EROFS:
		return ": name a folder that can be written";
	case EIO:
	case ELOOP:
	case ENAMETOOLONG:
	case ENOSPC:
	case EDQUOT:
	case EOPNOTSUPP:
	case ESTALE:
		return ": name another folder";
	default:
		return "";
	}
}

/* The length of the parent folder's path in dir, if it does not exist; 0 if it does, or there is none. */
static size_t missing_parent(const char *dir)
{
	struct stat status;
	size_t length = strlen(dir);
	while (length > 0 && dir[length - 1] == '/')
		length--;
	while (length > 0 && dir[length - 1] != '/')
		length--;
	while (length > 1 && dir[length - 1] == '/')
		length--;
	char *parent = strndup(dir, length);
	bool is_missing = parent != NULL && length > 0 && stat(parent, &status) != 0 && errno == ENOENT;
	free(parent);
	return is_missing ? length : 0;
}

static int lock_folder(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return errno;
	return faccessat(fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

/* The descriptor of the folder, which is locked; -1 with a problem. */
static int take_folder(const char *dir, struct problem *problem)
{
	char to_do[ADVICE_BYTES];
	int fd = open_folder(dir);
	int error = fd < 0 ? errno : lock_folder(fd);
	if (error == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	size_t missing = error == ENOENT ? missing_parent(dir) : 0;
	if (missing > 0)
		problem_set(problem,
			    "state_dir \"%s\": the parent folder %.*s does not exist: make it, or name another", dir,
			    (int)missing, dir);
	else if (error == EWOULDBLOCK)
		problem_set(problem, "state_dir \"%s\": another kithd uses it: give each node a folder of its own",
			    dir);
	else
		problem_set(problem, "state_dir \"%s\": %s%s", dir, strerror(error), advice(error, to_do));
	return -1;
}

struct state *state_open(const char *dir, struct problem *problem)
{
	struct state *state = calloc(1, sizeof *state);
	char *copy = strdup(dir);
	if (state == NULL || copy == NULL)
		problem_set(problem, "state_dir \"%s\": %s", dir, strerror(ENOMEM));
	int fd = state == NULL || copy == NULL ? -1 : take_folder(dir, problem);
	if (fd >= 0) {
		*state = (struct state){.fd = fd, .dir = copy};
		return state;
	}
	free(copy);
	free(state);
	return NULL;
}

void state_close(struct state *state)
{
	if (state == NULL)
		return;
	close(state->fd);
	free(state->dir);
	free(state);
}

const char *state_dir(const struct state *state)
{
	return state->dir;
}

/* ---- files in it ---- */

/* 0 or an errno. A file of more bytes than most is EFBIG. */
static int read_bytes(int fd, size_t most, struct buffer *out)
{
	ssize_t n;
	do {
		if (buffer_length(out) > most)
			return EFBIG;
		char *room = buffer_reserve(out, READ_BYTES);
		if (room == NULL)
			return ENOMEM;
		n = read(fd, room, READ_BYTES);
		if (n > 0)
			buffer_commit(out, (size_t)n);
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n == 0 ? 0 : errno;
}

static int read_file(const struct state *state, const char *name, size_t most, struct buffer *out)
{
	/* Without O_NONBLOCK a FIFO would wait for its writer. */
	int fd = openat(state->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno;
	int error = read_bytes(fd, most, out);
	close(fd);
	return error;
}

static int write_bytes(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);
		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0) {
			bytes += n;
			length -= (size_t)n;
		}
	}
	return fsync(fd) == 0 ? 0 : errno;
}

static int write_new(const struct state *state, const char *name, const char *bytes, size_t length)
{
	int fd = openat(state->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	int error = write_bytes(fd, bytes, length);
	if (close(fd) != 0 && error == 0)
		error = errno;
	if (error != 0)
		unlinkat(state->fd, name, 0);
	return error;
}

/* False with why this name cannot be replaced. */
static bool blame(struct problem *problem, const char *name, int error)
{
	if (error == EISDIR)
		return problem_set(problem, "%s is a folder: remove it", name);
	return problem_set(problem, "%s", strerror(error));
}

/* Whole or not at all, whenever the machine stops. False with a problem that doesn't name the file. */
static bool replace_file(const struct state *state, const char *name, const char *bytes, size_t length,
			 struct problem *problem)
{
	char temporary[64];
	snprintf(temporary, sizeof temporary, "%s.tmp", name);
	/* What was left by a crash, or put there by somebody, is not written into. */
	if (unlinkat(state->fd, temporary, 0) != 0 && errno != ENOENT)
		return errno == EISDIR ? blame(problem, temporary, EISDIR)
				       : problem_set(problem, "%s cannot be removed: %s", temporary, strerror(errno));
	int error = write_new(state, temporary, bytes, length);
	if (error != 0)
		return blame(problem, temporary, error);
	if (renameat(state->fd, temporary, state->fd, name) != 0) {
		error = errno;
		unlinkat(state->fd, temporary, 0);
		return blame(problem, name, error);
	}
	/* fsync the folder so that the rename survives a crash. Not every file system can do that. */
	return fsync(state->fd) == 0 || errno == EINVAL || problem_set(problem, "%s", strerror(errno));
}

/* Says in words where the file is now; an earlier one there is replaced. */
static const char *set_aside(const struct state *state, const char *name, char out[static 128])
{
	char bad[64];
	snprintf(bad, sizeof bad, "%s.bad", name);
	if (renameat(state->fd, name, state->fd, bad) == 0)
		snprintf(out, 128, "it is kept as %s", bad);
	else
		snprintf(out, 128, "it can't be renamed to %s: %s", bad, strerror(errno));
	return out;
}

/* ---- the nodeid ---- */

/* One line, however it ends. */
static bool parse_nodeid(const struct buffer *content, struct nodeid *nodeid)
{
	char text[NODEID_TEXT_BYTES];
	size_t length = buffer_length(content);
	const char *bytes = buffer_content(content);
	while (length > 0 && strchr(" \t\r\n", bytes[length - 1]) != NULL && bytes[length - 1] != '\0')
		length--;
	if (length != sizeof text - 1)
		return false;
	memcpy(text, bytes, length);
	text[length] = '\0';
	return nodeid_parse(text, nodeid);
}

static bool write_nodeid(const struct state *state, struct problem *problem)
{
	char line[NODEID_TEXT_BYTES];
	nodeid_format(&state->nodeid, line);
	line[sizeof line - 1] = '\n';
	return replace_file(state, STATE_NODEID_FILE, line, sizeof line, problem) ||
	       problem_prefix(problem,
			      "state_dir \"%s\": the file " STATE_NODEID_FILE " cannot be written: ", state->dir);
}

static bool keep_nodeid(struct state *state, const struct nodeid *nodeid)
{
	state->nodeid = *nodeid;
	state->keeps_nodeid = true;
	return true;
}

static bool make_nodeid(struct state *state, struct nodeid *nodeid, struct problem *problem)
{
	*nodeid = nodeid_random();
	return keep_nodeid(state, nodeid) && write_nodeid(state, problem);
}

bool state_nodeid(struct state *state, struct nodeid *nodeid, struct problem *problem)
{
	struct buffer content = {0};
	char kept[128];
	int error = read_file(state, STATE_NODEID_FILE, NODEID_FILE_BYTES, &content);
	bool is_good = error == 0 && parse_nodeid(&content, nodeid);
	buffer_fini(&content);
	if (is_good)
		return keep_nodeid(state, nodeid);
	if (error != 0 && error != ENOENT && error != EFBIG)
		return problem_set(problem,
				   "state_dir \"%s\": the file " STATE_NODEID_FILE
				   " cannot be read: %s: put that right, or remove it for a new nodeid",
				   state->dir, strerror(error));
	if (error != ENOENT)
		log_warning("%s/" STATE_NODEID_FILE " holds no nodeid: %s; this node gets a new one", state->dir,
			    set_aside(state, STATE_NODEID_FILE, kept));
	return make_nodeid(state, nodeid, problem);
}

/* ---- the ports ---- */

void state_load_ports(const struct state *state, uint16_t *ports, size_t count)
{
	struct buffer content = {0};
	memset(ports, 0, count * sizeof *ports);
	if (read_file(state, STATE_PORTS_FILE, PORTS_FILE_BYTES, &content) == 0 && buffer_append(&content, "", 1)) {
		const char *at = buffer_content(&content);
		char *end;
		for (size_t i = 0; i < count; i++, at = end) {
			unsigned long port = strtoul(at, &end, 10);
			if (end == at || port > UINT16_MAX)
				break;
			ports[i] = (uint16_t)port;
		}
	}
	buffer_fini(&content);
}

void state_save_ports(const struct state *state, const uint16_t *ports, size_t count)
{
	char text[PORTS_FILE_BYTES] = "";
	size_t length = 0;
	struct problem problem;
	for (size_t i = 0; i < count; i++)
		length += (size_t)snprintf(text + length, sizeof text - length, "%u\n", ports[i]);
	if (!replace_file(state, STATE_PORTS_FILE, text, length, &problem))
		log_warning("%s/" STATE_PORTS_FILE " cannot be written, so a restart takes other ports: %s", state->dir,
			    problem.text);
}

/* ---- the addresses ---- */

/* What could be salvaged is on disk again before anything else happens. */
static void replace_damaged(struct state *state, const struct address_records *records)
{
	char kept[128];
	log_warning("%s/" STATE_ADDRESSES_FILE " is damaged: %zu addresses were salvaged%s; %s", state->dir,
		    records->count, records->has_secret ? "" : ", the secret was not",
		    set_aside(state, STATE_ADDRESSES_FILE, kept));
	struct problem problem;
	if (!state_save_addresses(state, records, &problem))
		log_error("%s/" STATE_ADDRESSES_FILE " cannot be written: %s", state->dir, problem.text);
}

void state_load_addresses(struct state *state, size_t most, struct address_records *records)
{
	struct buffer content = {0};
	char kept[128];
	size_t most_bytes = ADDRESSES_FILE_BYTES + most * ADDRESS_LINE_BYTES;
	enum address_records_health health = ADDRESS_RECORDS_FOREIGN;
	*records = (struct address_records){0};
	int error = read_file(state, STATE_ADDRESSES_FILE, most_bytes, &content);
	if (error == 0)
		health = address_records_read(buffer_content(&content), buffer_length(&content), most, records);
	buffer_fini(&content);
	if (error == ENOENT || (error == 0 && health == ADDRESS_RECORDS_GOOD))
		return;
	if (error == 0 && health == ADDRESS_RECORDS_DAMAGED)
		replace_damaged(state, records);
	else if (error == 0 || error == EFBIG)
		log_warning("%s/" STATE_ADDRESSES_FILE " is no file of addresses: nothing was salvaged; %s", state->dir,
			    set_aside(state, STATE_ADDRESSES_FILE, kept));
	else
		log_warning("%s/" STATE_ADDRESSES_FILE " cannot be read: %s; %s", state->dir, strerror(error),
			    set_aside(state, STATE_ADDRESSES_FILE, kept));
}

bool state_save_addresses(struct state *state, const struct address_records *records, struct problem *problem)
{
	struct buffer text = {0};
	bool is_saved = address_records_write(records, &text)
				? replace_file(state, STATE_ADDRESSES_FILE, buffer_content(&text), buffer_length(&text),
					       problem)
				: problem_set(problem, "%s", strerror(ENOMEM));
	buffer_fini(&text);
	return is_saved;
}

/* ---- another folder at the same path ---- */

bool state_is_in_place(const struct state *state)
{
	struct stat named, open;
	if (stat(state->dir, &named) != 0)
		/* A path that cannot be looked at may still lead there. */
		return errno != ENOENT && errno != ENOTDIR;
	return fstat(state->fd, &open) != 0 || (named.st_dev == open.st_dev && named.st_ino == open.st_ino);
}

bool state_move(struct state *state, struct problem *problem)
{
	int fd = take_folder(state->dir, problem);
	if (fd < 0)
		return false;
	close(state->fd);
	state->fd = fd;
	log_warning("state_dir \"%s\" is another folder than before: it is used from now on", state->dir);
	if (state->keeps_nodeid && faccessat(fd, STATE_NODEID_FILE, F_OK, AT_EACCESS) != 0 && errno == ENOENT &&
	    !write_nodeid(state, problem))
		log_error("%s", problem->text);
	return true;
}
