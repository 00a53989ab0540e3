#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "system/secure.h"

const struct fault faults[] = {
	{"malloc, strdup, ...", "ENOMEM", SEAM_MEMORY, ENOMEM, COSTS_ONE},
	{"json-c's makers", "no memory", SEAM_JSON, ENOMEM, COSTS_ONE},
	{"ares_init", "no memory", SEAM_RESOLVER, ENOMEM, COSTS_NOBODY},
	{"pthread_create", "EAGAIN", SEAM_THREAD, EAGAIN, COSTS_ONE},
	{"socket", "EMFILE", SEAM_SOCKET, EMFILE, COSTS_NOBODY},
	{"connect", "EADDRNOTAVAIL", SEAM_CONNECT, EADDRNOTAVAIL, COSTS_NOBODY},
	{"bind, listen", "EADDRINUSE", SEAM_LISTEN, EADDRINUSE, COSTS_NOBODY},
	{"accept4", "EMFILE", SEAM_ACCEPT, EMFILE, COSTS_NOBODY},
	{"accept4", "ECONNABORTED", SEAM_ACCEPT, ECONNABORTED, COSTS_NOBODY},
	{"recv", "ECONNRESET", SEAM_RECEIVE, ECONNRESET, COSTS_ITS_SOCKET},
	{"recv", "EINTR", SEAM_RECEIVE, EINTR, COSTS_NOBODY},
	{"recv", "one byte", SEAM_RECEIVE, SEAM_PART, COSTS_NOBODY},
	{"send", "EPIPE", SEAM_SEND, EPIPE, COSTS_ITS_SOCKET},
	{"send", "EAGAIN", SEAM_SEND, EAGAIN, COSTS_NOBODY},
	{"send", "one byte", SEAM_SEND, SEAM_PART, COSTS_NOBODY},
	{"setsockopt, ...", "ENOBUFS", SEAM_OPTION, ENOBUFS, COSTS_ITS_SOCKET},
	{"poll, ppoll", "ENOMEM", SEAM_POLL, ENOMEM, COSTS_ONE},
	{"poll, ppoll", "EINTR", SEAM_POLL, EINTR, COSTS_NOBODY},
	{"pipe2", "EMFILE", SEAM_PIPE, EMFILE, COSTS_NOBODY},
	{"open, openat, fopen", "EMFILE", SEAM_OPEN, EMFILE, COSTS_NOBODY},
	{"read, fread", "EIO", SEAM_READ, EIO, COSTS_NOBODY},
	{"read", "one byte", SEAM_READ, SEAM_PART, COSTS_NOBODY},
	{"write", "ENOSPC", SEAM_WRITE, ENOSPC, COSTS_NOBODY},
	{"write", "EINTR", SEAM_WRITE, EINTR, COSTS_NOBODY},
	{"write", "one byte", SEAM_WRITE, SEAM_PART, COSTS_NOBODY},
	{"fsync", "EIO", SEAM_SYNC, EIO, COSTS_NOBODY},
	{"renameat", "ENOSPC", SEAM_RENAME, ENOSPC, COSTS_NOBODY},
	{"unlinkat", "EROFS", SEAM_UNLINK, EROFS, COSTS_NOBODY},
	{"mkdir, flock, ...", "EACCES", SEAM_FOLDER, EACCES, COSTS_NOBODY},
	{"fstat, stat", "EOVERFLOW", SEAM_STATUS, EOVERFLOW, COSTS_NOBODY},
	{"getrandom", "ENOSYS", SEAM_RANDOM, ENOSYS, COSTS_NOBODY},
	{"mmap, mlock", "ENOMEM", SEAM_MAP, ENOMEM, COSTS_NOBODY},
	{"dlopen", "no such library", SEAM_LIBRARY, ENOENT, COSTS_NOBODY},
	{"GnuTLS's malloc, ...", "ENOMEM", SEAM_TLS_MEMORY, ENOMEM, COSTS_ONE},
};
const size_t fault_count = sizeof faults / sizeof *faults;

/* What came of all faults, and what all seams have seen together, each place once. */
struct record {
	unsigned tally[sizeof faults / sizeof *faults][OUTCOMES];
	struct {
		uintptr_t offset;
		int kind;
		unsigned calls, failed;
	} places[SEAM_SITES];
	size_t place_count;
};

static struct record *record;
static int record_fd;

/* The file, which is this program's own or shared with those that run the other suites, is empty at first. */
static void open_record(void)
{
	const char *path = getenv(FAULTS_VARIABLE);
	record_fd = path == NULL ? memfd_create("kith-faults", MFD_CLOEXEC)
				 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (record_fd < 0 || ftruncate(record_fd, sizeof *record) != 0)
		abort();
	record = mmap(NULL, sizeof *record, PROT_READ | PROT_WRITE, MAP_SHARED, record_fd, 0);
	if (record == MAP_FAILED)
		abort();
}

static void lock_record(void)
{
	if (record == NULL)
		open_record();
	if (flock(record_fd, LOCK_EX) != 0)
		abort();
}

static void unlock_record(void)
{
	flock(record_fd, LOCK_UN);
}

struct seam *faults_open(void)
{
	int fd = memfd_create("kith-seam", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, sizeof(struct seam)) != 0)
		abort();
	struct seam *seam = mmap(NULL, sizeof *seam, PROT_READ | PROT_WRITE, MAP_SHARED, harness_keep_fd(fd), 0);
	if (seam == MAP_FAILED)
		abort();
	atomic_store(&seam->fd, fd);
	return seam;
}

bool faults_prepare(const void *given)
{
	const struct seam *seam = given;
	char number[16];
	int fd = atomic_load(&seam->fd);
	snprintf(number, sizeof number, "%d", fd);
	/* With the second variable it doesn't begin again, when the descriptor would be closed. */
	return fcntl(fd, F_SETFD, 0) == 0 && setenv(SEAM_VARIABLE, number, 1) == 0 &&
	       setenv("GLIBC_TUNABLES", "", 1) == 0;
}

void faults_disarm(struct seam *seam)
{
	atomic_store(&seam->kind, SEAM_NOTHING);
}

void faults_arm(struct seam *seam, const struct fault *fault, unsigned pass, unsigned fail)
{
	faults_disarm(seam);
	atomic_store(&seam->error, fault->error);
	atomic_store(&seam->pass, pass);
	atomic_store(&seam->fail, fail);
	atomic_store(&seam->calls, 0);
	atomic_store(&seam->failed, 0);
	atomic_store(&seam->port, 0);
	atomic_store(&seam->kind, (int)fault->kind);
}

bool faults_has_hit(const struct seam *seam)
{
	return atomic_load(&seam->failed) > 0;
}

void faults_tell(const struct fault *fault, enum outcome outcome)
{
	lock_record();
	record->tally[fault - faults][outcome]++;
	unlock_record();
}

static void keep_place(const struct seam_site *site)
{
	size_t i = 0;
	while (i < record->place_count && record->places[i].offset != site->offset)
		i++;
	if (i == SEAM_SITES)
		abort();
	record->place_count = i == record->place_count ? i + 1 : record->place_count;
	record->places[i].offset = site->offset;
	record->places[i].kind = site->kind;
	record->places[i].calls += site->calls;
	record->places[i].failed += site->failed;
}

void faults_close(struct seam *seam)
{
	lock_record();
	for (size_t i = 0; i < SEAM_SITES; i++)
		if (seam->sites[i].offset != 0)
			keep_place(&seam->sites[i]);
	unlock_record();
	munmap(seam, sizeof *seam);
}

bool faults_are_all_dealt(void)
{
	bool all = true;
	lock_record();
	for (size_t i = 0; i < fault_count; i++) {
		unsigned dealt = 0;
		for (size_t outcome = 0; outcome < OUTCOMES; outcome++)
			dealt += record->tally[i][outcome];
		dealt += faults[i].kind >= SEAM_OF_PRIVATE && !secure_is_on();
		if (dealt == 0)
			printf("never failed: %s, %s\n", faults[i].call, faults[i].result);
		all = all && dealt > 0;
	}
	unlock_record();
	return all;
}

/* Of the places that make calls of this kind: those that did, and those where one failed. */
static void count_places(enum seam_kind kind, unsigned *calling, unsigned *failing)
{
	*calling = *failing = 0;
	for (size_t i = 0; i < record->place_count; i++) {
		if (record->places[i].kind != (int)kind)
			continue;
		++*calling;
		*failing += record->places[i].failed > 0;
	}
}

void faults_print_table(void)
{
	unsigned calling, failing;
	lock_record();
	printf("%-20s %-14s %6s  %8s  %7s %9s  %9s %9s\n", "CALL", "RESULT", "FAILED", "PLACES", "WENT ON", "PEER BACK",
	       "STATUS 71", "STATUS 78");
	for (size_t i = 0; i < fault_count; i++) {
		const unsigned *came = record->tally[i];
		count_places(faults[i].kind, &calling, &failing);
		printf("%-20s %-14s %6u  %3u / %-3u %8u %9u  %9u %9u\n", faults[i].call, faults[i].result,
		       came[OUTCOME_NONE] + came[OUTCOME_LOST] + came[OUTCOME_NO_SYSTEM] + came[OUTCOME_NO_SETTING],
		       failing, calling, came[OUTCOME_NONE], came[OUTCOME_LOST], came[OUTCOME_NO_SYSTEM],
		       came[OUTCOME_NO_SETTING]);
	}
	for (size_t i = 0; i < record->place_count; i++)
		if (record->places[i].failed == 0)
			printf("no call failed at addr2line -e kithd %#zx\n", (size_t)record->places[i].offset);
	unlock_record();
}
