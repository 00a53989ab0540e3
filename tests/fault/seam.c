#include "seam.h"

#include <ares.h>
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <json-c/json.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* The linker's names: where the program begins in memory, and what stands in the place of a call and for it. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
extern const char __executable_start[];

static struct seam *seam;

__attribute__((constructor)) static void map_seam(void)
{
	const char *number = getenv(SEAM_VARIABLE);
	if (number == NULL)
		return;
	int fd = (int)strtol(number, NULL, 10);
	void *memory = mmap(NULL, sizeof *seam, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		abort();
	seam = memory;
	close(fd);
}

/* NULL where the table is full. */
static struct seam_site *find_site(enum seam_kind kind, uintptr_t offset)
{
	for (size_t i = 0; i < SEAM_SITES; i++) {
		struct seam_site *site = &seam->sites[(offset + i) % SEAM_SITES];
		uintptr_t none = 0;
		if (atomic_compare_exchange_strong(&site->offset, &none, offset)) {
			atomic_store(&site->kind, (int)kind);
			return site;
		}
		if (none == offset)
			return site;
	}
	return NULL;
}

static int port_of(int fd)
{
	struct sockaddr_storage far = {0};
	socklen_t length = sizeof far;
	if (fd < 0 || getpeername(fd, (struct sockaddr *)&far, &length) != 0)
		return 0;
	if (far.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&far)->sin_port);
	return far.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&far)->sin6_port) : 0;
}

/* 0 for a call that goes through; else the errno that it is to return, which is set, or SEAM_PART. */
static int judge(enum seam_kind kind, int fd, const void *caller)
{
	if (seam == NULL)
		return 0;
	int before = errno;
	struct seam_site *site = find_site(kind, (uintptr_t)caller - (uintptr_t)__executable_start);
	if (site != NULL)
		atomic_fetch_add(&site->calls, 1);
	errno = before;
	if (atomic_load(&seam->kind) != (int)kind)
		return 0;
	unsigned number = atomic_fetch_add(&seam->calls, 1), pass = atomic_load(&seam->pass);
	if (number < pass || number - pass >= atomic_load(&seam->fail))
		return 0;
	atomic_store(&seam->port, port_of(fd));
	if (site != NULL)
		atomic_fetch_add(&site->failed, 1);
	atomic_fetch_add(&seam->failed, 1);
	int error = atomic_load(&seam->error);
	errno = error == SEAM_PART ? before : error;
	return error;
}

#define REFUSES_FD(kind, fd) judge((kind), (fd), __builtin_return_address(0))
#define REFUSES(kind) REFUSES_FD((kind), -1)

/* A function that takes the place of another one while refused is what it returns when it fails. */
#define WRAP_FD(kind, fd, refused, type, name, parameters, arguments)                                                  \
	type __real_##name parameters;                                                                                 \
	type __wrap_##name parameters;                                                                                 \
	type __wrap_##name parameters                                                                                  \
	{                                                                                                              \
		return REFUSES_FD(kind, fd) != 0 ? (refused) : __real_##name arguments;                                \
	}
#define WRAP(kind, refused, type, name, parameters, arguments)                                                         \
	WRAP_FD(kind, -1, refused, type, name, parameters, arguments)

/* The same where it fails by returning the errno, or may do a part of its work. */
#define WRAP_PART(kind, fd, type, name, parameters, whole, part)                                                       \
	type __real_##name parameters;                                                                                 \
	type __wrap_##name parameters;                                                                                 \
	type __wrap_##name parameters                                                                                  \
	{                                                                                                              \
		int error = REFUSES_FD(kind, fd);                                                                      \
		if (error == SEAM_PART)                                                                                \
			return __real_##name part;                                                                     \
		return error != 0 ? -1 : __real_##name whole;                                                          \
	}

static size_t part_of(size_t size)
{
	return size > 1 ? 1 : size;
}

/* clang-format off */
WRAP(SEAM_MEMORY, NULL, void *, malloc, (size_t size), (size))
WRAP(SEAM_MEMORY, NULL, void *, calloc, (size_t count, size_t size), (count, size))
WRAP(SEAM_MEMORY, NULL, void *, realloc, (void *memory, size_t size), (memory, size))
WRAP(SEAM_MEMORY, NULL, char *, strdup, (const char *text), (text))
WRAP(SEAM_MEMORY, NULL, char *, strndup, (const char *text, size_t size), (text, size))

WRAP(SEAM_JSON, NULL, struct json_tokener *, json_tokener_new_ex, (int depth), (depth))
WRAP(SEAM_JSON, NULL, struct json_object *, json_object_new_object, (void), ())
WRAP(SEAM_JSON, NULL, struct json_object *, json_object_new_string, (const char *text), (text))
WRAP(SEAM_JSON, NULL, struct json_object *, json_object_new_int, (int32_t number), (number))
WRAP(SEAM_JSON, NULL, struct json_object *, json_object_new_int64, (int64_t number), (number))
WRAP(SEAM_JSON, NULL, struct json_object *, json_object_new_boolean, (json_bool truth), (truth))
WRAP(SEAM_JSON, -1, int, json_object_object_add,
     (struct json_object *object, const char *key, struct json_object *value), (object, key, value))
WRAP(SEAM_JSON, NULL, const char *, json_object_to_json_string_length,
     (struct json_object *object, int flags, size_t *length), (object, flags, length))

WRAP(SEAM_RESOLVER, ARES_ENOMEM, int, ares_library_init, (int flags), (flags))
WRAP(SEAM_RESOLVER, ARES_ENOMEM, int, ares_init, (ares_channel *channel), (channel))
WRAP(SEAM_RESOLVER, ARES_ENOMEM, int, ares_init_options,
     (ares_channel *channel, struct ares_options *options, int mask), (channel, options, mask))

WRAP(SEAM_THREAD, errno, int, pthread_create,
     (pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument),
     (thread, attributes, body, argument))

WRAP(SEAM_SOCKET, -1, int, socket, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(SEAM_CONNECT, -1, int, connect, (int fd, const struct sockaddr *to, socklen_t length), (fd, to, length))
WRAP(SEAM_LISTEN, -1, int, bind, (int fd, const struct sockaddr *to, socklen_t length), (fd, to, length))
WRAP(SEAM_LISTEN, -1, int, listen, (int fd, int backlog), (fd, backlog))
WRAP(SEAM_ACCEPT, -1, int, accept4, (int fd, struct sockaddr *from, socklen_t *length, int flags),
     (fd, from, length, flags))
WRAP_FD(SEAM_OPTION, fd, -1, int, setsockopt, (int fd, int level, int name, const void *value, socklen_t length),
	(fd, level, name, value, length))
WRAP_FD(SEAM_OPTION, fd, -1, int, getsockopt, (int fd, int level, int name, void *value, socklen_t *length),
	(fd, level, name, value, length))
WRAP_FD(SEAM_OPTION, fd, -1, int, getsockname, (int fd, struct sockaddr *to, socklen_t *length), (fd, to, length))
WRAP(SEAM_POLL, -1, int, poll, (struct pollfd *fds, nfds_t count, int timeout_ms), (fds, count, timeout_ms))
WRAP(SEAM_POLL, -1, int, ppoll,
     (struct pollfd *fds, nfds_t count, const struct timespec *timeout, const sigset_t *signals),
     (fds, count, timeout, signals))
WRAP(SEAM_PIPE, -1, int, pipe2, (int fds[2], int flags), (fds, flags))

WRAP(SEAM_OPEN, NULL, FILE *, fopen, (const char *path, const char *mode), (path, mode))
WRAP(SEAM_SYNC, -1, int, fsync, (int fd), (fd))
WRAP(SEAM_RENAME, -1, int, renameat, (int old_dir, const char *old, int new_dir, const char *new),
     (old_dir, old, new_dir, new))
WRAP(SEAM_UNLINK, -1, int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
WRAP(SEAM_FOLDER, -1, int, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(SEAM_FOLDER, -1, int, flock, (int fd, int operation), (fd, operation))
WRAP(SEAM_FOLDER, -1, int, faccessat, (int dir, const char *path, int mode, int flags), (dir, path, mode, flags))
WRAP(SEAM_STATUS, -1, int, fstat, (int fd, struct stat *status), (fd, status))
WRAP(SEAM_STATUS, -1, int, stat, (const char *path, struct stat *status), (path, status))
WRAP(SEAM_RANDOM, -1, ssize_t, getrandom, (void *bytes, size_t size, unsigned flags), (bytes, size, flags))
WRAP(SEAM_MAP, MAP_FAILED, void *, mmap, (void *at, size_t size, int protection, int flags, int fd, off_t offset),
     (at, size, protection, flags, fd, offset))
WRAP(SEAM_MAP, -1, int, mlock, (const void *memory, size_t size), (memory, size))

WRAP_PART(SEAM_RECEIVE, fd, ssize_t, recv, (int fd, void *bytes, size_t size, int flags),
	  (fd, bytes, size, flags), (fd, bytes, part_of(size), flags))
WRAP_PART(SEAM_SEND, fd, ssize_t, send, (int fd, const void *bytes, size_t size, int flags),
	  (fd, bytes, size, flags), (fd, bytes, part_of(size), flags))
WRAP_PART(SEAM_READ, -1, ssize_t, read, (int fd, void *bytes, size_t size), (fd, bytes, size),
	  (fd, bytes, part_of(size)))
WRAP_PART(SEAM_WRITE, -1, ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size),
	  (fd, bytes, part_of(size)))
/* clang-format on */

static void *malloc_of_tls(size_t size)
{
	return judge(SEAM_TLS_MEMORY, -1, malloc_of_tls) != 0 ? NULL : __real_malloc(size);
}

static void *calloc_of_tls(size_t count, size_t size)
{
	return judge(SEAM_TLS_MEMORY, -1, calloc_of_tls) != 0 ? NULL : __real_calloc(count, size);
}

/* Refused, it leaves dlerror something to say. */
void *__real_dlopen(const char *path, int flags);
void *__wrap_dlopen(const char *path, int flags);
void *__wrap_dlopen(const char *path, int flags)
{
	void *library = __real_dlopen(REFUSES(SEAM_LIBRARY) != 0 ? "libgone.so" : path, flags);
	if (library != NULL) {
		*(gnutls_alloc_function *)dlsym(library, "gnutls_malloc") = malloc_of_tls;
		*(gnutls_calloc_function *)dlsym(library, "gnutls_calloc") = calloc_of_tls;
	}
	return library;
}

/* What a variadic open or openat was called with behind its flags, if it makes a file. */
#define MODE_AFTER(flags, mode)                                                                                        \
	do {                                                                                                           \
		if (((flags)&O_CREAT) != 0) {                                                                          \
			va_list arguments;                                                                             \
			va_start(arguments, flags);                                                                    \
			(mode) = va_arg(arguments, mode_t);                                                            \
			va_end(arguments);                                                                             \
		}                                                                                                      \
	} while (0)

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	MODE_AFTER(flags, mode);
	return REFUSES(SEAM_OPEN) != 0 ? -1 : __real_open(path, flags, mode);
}

int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	MODE_AFTER(flags, mode);
	return REFUSES(SEAM_OPEN) != 0 ? -1 : __real_openat(dir, path, flags, mode);
}

/* src sets the flags of sockets alone, with one argument. */
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
	va_list arguments;
	va_start(arguments, command);
	long argument = va_arg(arguments, long);
	va_end(arguments);
	return REFUSES_FD(SEAM_OPTION, fd) != 0 ? -1 : __real_fcntl(fd, command, argument);
}

/* A stream remembers that it couldn't be read. */
static _Thread_local bool stream_failed;

size_t __real_fread(void *bytes, size_t size, size_t count, FILE *file);
size_t __wrap_fread(void *bytes, size_t size, size_t count, FILE *file);
size_t __wrap_fread(void *bytes, size_t size, size_t count, FILE *file)
{
	stream_failed = REFUSES(SEAM_READ) > 0;
	return stream_failed ? 0 : __real_fread(bytes, size, count, file);
}

int __real_ferror(FILE *file);
int __wrap_ferror(FILE *file);
int __wrap_ferror(FILE *file)
{
	return stream_failed ? 1 : __real_ferror(file);
}
/* NOLINTEND(bugprone-reserved-identifier) */
