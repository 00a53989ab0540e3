#define HARNESS_INSIDE
#include "kithd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "secure.h"

/* A stop takes a second where a peer does not close its end; on a machine with much else to do it took up to 6.2 s. */
enum { KITHDS = 256, ARGUMENTS = 64, STOP_S = 10, DUMP_BYTES = 6000 };

/* What a process writes, in a file without a name. */
struct written {
	int fd;
	char *text;
	size_t length;
};

struct kithd {
	pid_t pid;
	bool has_ended;
	int status;
	struct written log, output;
	size_t tables_end; /* in the output: where the next table begins */
	char *table;
	const char *address, *nodeid;
	char arguments[1024];
};

static struct kithd *kithds[KITHDS];
static size_t kithd_count;

static void written_open(struct written *written, const char *name)
{
	written->fd = memfd_create(name, MFD_CLOEXEC);
	/* What two threads write at once must not fall on the same place. */
	if (written->fd < 0 || fcntl(written->fd, F_SETFL, O_APPEND) != 0)
		abort();
}

static const char *written_read(struct written *written)
{
	struct stat status;
	if (fstat(written->fd, &status) != 0)
		abort();
	size_t length = (size_t)status.st_size;
	if (written->text == NULL || length > written->length) {
		written->text = realloc(written->text, length + 1);
		if (written->text == NULL)
			abort();
		ssize_t got = pread(written->fd, written->text + written->length, length - written->length,
				    (off_t)written->length);
		written->length += got < 0 ? 0 : (size_t)got;
		written->text[written->length] = '\0';
	}
	return written->text;
}

static void written_close(struct written *written)
{
	close(written->fd);
	free(written->text);
}

static _Noreturn void become_kithd(const struct kithd *kithd, const struct launch *launch, pid_t parent)
{
	char *argv[ARGUMENTS + 4];
	const char *program = getenv("KITHD");
	size_t count = 0;
	/* prepare may go elsewhere. */
	argv[count] = realpath(program == NULL ? "build/kithd" : program, NULL);
	if (argv[count++] == NULL)
		_exit(96);
	/* First, so that a test's own arguments beat it. */
	argv[count++] = "-ocontrol=";
	if (secure_is_on()) {
		static char option[128];
		snprintf(option, sizeof option, "-osecret_file=%s", secure_file());
		argv[count++] = option;
	}
	for (const char *const *argument = launch->argv; *argument != NULL && count <= ARGUMENTS; argument++)
		argv[count++] = strdup(*argument);
	argv[count] = NULL;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* A shell starts what it runs in the background with SIGINT ignored. */
	signal(SIGINT, SIG_DFL);
	/* From within a PID namespace of its own, the parent is 0. */
	if (getppid() != parent && getppid() != 0)
		_exit(99);
	dup2(launch->stdout_fd > 0 ? launch->stdout_fd : kithd->output.fd, STDOUT_FILENO);
	dup2(launch->stderr_fd > 0 ? launch->stderr_fd : kithd->log.fd, STDERR_FILENO);
	if (launch->prepare != NULL && !launch->prepare(launch->given))
		_exit(98);
	execv(argv[0], argv);
	dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(97);
}

struct kithd *kithd_launch(const struct launch *launch)
{
	struct kithd *kithd = calloc(1, sizeof *kithd);
	if (kithd == NULL || kithd_count == KITHDS)
		abort();
	written_open(&kithd->log, "kithd-log");
	written_open(&kithd->output, "kithd-output");
	for (const char *const *argument = launch->argv; *argument != NULL; argument++) {
		size_t used = strlen(kithd->arguments);
		snprintf(kithd->arguments + used, sizeof kithd->arguments - used, " %s", *argument);
	}
	pid_t parent = getpid();
	if (secure_is_on())
		secure_file();
	kithd->pid = fork();
	if (kithd->pid < 0)
		abort();
	if (kithd->pid == 0)
		become_kithd(kithd, launch, parent);
	kithds[kithd_count++] = kithd;
	return kithd;
}

/* Launches with a text of arguments, which is cut at its spaces. */
static struct kithd *launch_text(const char *format, va_list arguments)
{
	const char *argv[ARGUMENTS + 1];
	char text[1024], *rest = text;
	size_t count = 0;
	vsnprintf(text, sizeof text, format, arguments);
	for (char *word = strtok_r(text, " ", &rest); word != NULL && count < ARGUMENTS;
	     word = strtok_r(NULL, " ", &rest))
		argv[count++] = word;
	argv[count] = NULL;
	return kithd_launch(&(struct launch){.argv = argv});
}

struct kithd *kithd_run(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	struct kithd *kithd = launch_text(format, arguments);
	va_end(arguments);
	return kithd;
}

static struct kithd *spawn_at(const char *address, const char *format, va_list arguments)
{
	char text[1024];
	vsnprintf(text, sizeof text, format, arguments);
	return kithd_run("-l %s %s", address, text);
}

struct kithd *kithd_spawn_at(const char *address, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	struct kithd *kithd = spawn_at(address, format, arguments);
	va_end(arguments);
	return kithd;
}

struct kithd *kithd_start_at(const char *address, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	struct kithd *kithd = spawn_at(address, format, arguments);
	va_end(arguments);
	kithd_await_listening(kithd);
	return kithd;
}

struct kithd *kithd_start(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	struct kithd *kithd = spawn_at(harness_address(), format, arguments);
	va_end(arguments);
	kithd_await_listening(kithd);
	return kithd;
}

struct kithd *kithd_plain(void)
{
	struct kithd *kithd = kithd_run("-l %s", harness_address());
	kithd_await_listening(kithd);
	return kithd;
}

/* Where its log goes on after these words, until the end of the line, which is there. */
static const char *await_words(struct kithd *kithd, const char *words)
{
	const char *found = NULL;
	int64_t since_us = clock_now_us(), deadline_us = harness_deadline_us(HARNESS_PATIENCE_S);
	while ((found = strstr(kithd_log(kithd), words)) == NULL || strchr(found, '\n') == NULL) {
		if (kithd_has_ended(kithd))
			harness_fail_here("kithd%s ended with status %d:\n%s", kithd->arguments, kithd->status,
					  kithd_log(kithd));
		if (clock_now_us() > deadline_us)
			harness_fail_here("kithd%s doesn't say \"%s\":\n%s", kithd->arguments, words, kithd_log(kithd));
		harness_pause(since_us);
	}
	return found + strlen(words);
}

void kithd_await_listening(struct kithd *kithd)
{
	const char *address = await_words(kithd, "listening on ");
	kithd->address = harness_text("%.*s", (int)strcspn(address, " \n"), address);
	if (strstr(kithd->arguments, "control=/") != NULL)
		await_words(kithd, " control socket");
}

const char *kithd_address(struct kithd *kithd)
{
	if (kithd->address == NULL)
		kithd_await_listening(kithd);
	return kithd->address;
}

const char *kithd_nodeid(struct kithd *kithd)
{
	if (kithd->nodeid == NULL && kithd_address(kithd) != NULL)
		kithd->nodeid = harness_text("%s", kithd_header(kithd, "node"));
	return kithd->nodeid;
}

pid_t kithd_pid(const struct kithd *kithd)
{
	return kithd->pid;
}

static int is_number(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int kithd_entries(const struct kithd *kithd, const char *directory)
{
	struct dirent **list;
	int count = scandir(harness_text("/proc/%d/%s", (int)kithd->pid, directory), &list, is_number, alphasort);
	if (count < 0)
		harness_fail_here("no /proc/PID/%s", directory);
	for (int i = 0; i < count; i++)
		free(list[i]);
	free(list);
	return count;
}

/* The sum of the lines of /proc/PID/FILE that begin with this; false if there is none. */
static bool sum_lines(const struct kithd *kithd, const char *file, const char *name, long *sum)
{
	const char *text = harness_read_file(harness_text("/proc/%d/%s", (int)kithd->pid, file));
	bool is_found = false;
	*sum = 0;
	while (text != NULL && (text = strchr(text, '\n')) != NULL) {
		text++;
		if (strncmp(text, name, strlen(name)) == 0) {
			*sum += strtol(strchr(text, ':') + 1, NULL, 10);
			is_found = true;
		}
	}
	return is_found;
}

long kithd_status_number(const struct kithd *kithd, const char *name)
{
	long number;
	if (!sum_lines(kithd, "status", harness_text("%s:", name), &number))
		harness_fail_here("no %s", name);
	return number;
}

long kithd_private_kib(const struct kithd *kithd)
{
	long kib;
	if (!sum_lines(kithd, "smaps_rollup", "Private_", &kib))
		harness_fail_here("no smaps_rollup");
	return kib;
}

const char *kithd_log(struct kithd *kithd)
{
	return written_read(&kithd->log);
}

const char *kithd_output(struct kithd *kithd)
{
	return written_read(&kithd->output);
}

size_t kithd_log_count(struct kithd *kithd, const char *one, const char *other)
{
	size_t count = 0;
	char *log = strdup(kithd_log(kithd)), *rest = NULL;
	for (char *line = strtok_r(log, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
		count += strstr(line, one) != NULL && strstr(line, other) != NULL;
	free(log);
	return count;
}

size_t kithd_log_crashes(struct kithd *kithd)
{
	return kithd_log_count(kithd, ") failed: it closed the connection without a bye", "") +
	       kithd_log_count(kithd, ") failed: connection reset by peer", "");
}

size_t kithd_log_lines(struct kithd *kithd, const char *word)
{
	return kithd_log_count(kithd, word, "") - kithd_log_count(kithd, word, " warning running as root") -
	       kithd_log_count(kithd, word, " warning anyone who can reach ") -
	       kithd_log_count(kithd, word, " warning this process did not run for ");
}

void kithd_signal(struct kithd *kithd, int signal)
{
	if (!kithd->has_ended)
		kill(kithd->pid, signal);
}

bool kithd_has_ended(struct kithd *kithd)
{
	int status;
	if (!kithd->has_ended && waitpid(kithd->pid, &status, WNOHANG) == kithd->pid) {
		kithd->has_ended = true;
		kithd->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	return kithd->has_ended;
}

static bool ends_before(struct kithd *kithd, int64_t deadline_us)
{
	int64_t since_us = clock_now_us();
	while (!kithd_has_ended(kithd)) {
		if (clock_now_us() > deadline_us)
			return false;
		harness_pause(since_us);
	}
	return true;
}

int kithd_wait(struct kithd *kithd)
{
	if (!ends_before(kithd, harness_deadline_us(HARNESS_PATIENCE_S)))
		harness_fail_here("kithd%s doesn't end", kithd->arguments);
	return kithd->status;
}

void kithd_stop(struct kithd *kithd, int signal)
{
	int64_t deadline_us = harness_deadline_us(STOP_S);
	kithd_signal(kithd, signal);
	if (!ends_before(kithd, deadline_us))
		harness_fail_here("kithd%s runs %d s after signal %d", kithd->arguments, STOP_S, signal);
	if (kithd->status != 0)
		harness_fail_here("kithd%s stopped with status %d", kithd->arguments, kithd->status);
}

const char *kithd_table(struct kithd *kithd)
{
	static const char end[] = "# end\n";
	const char *found;
	int64_t since_us = clock_now_us(), deadline_us = harness_deadline_us(HARNESS_PATIENCE_S);
	kithd_signal(kithd, SIGUSR1);
	while ((found = strstr(kithd_output(kithd) + kithd->tables_end, end)) == NULL) {
		if (kithd_has_ended(kithd))
			harness_fail_here("kithd%s ended with status %d", kithd->arguments, kithd->status);
		if (clock_now_us() > deadline_us)
			harness_fail_here("kithd%s shows no table", kithd->arguments);
		harness_pause(since_us);
	}
	free(kithd->table);
	size_t begin = kithd->tables_end;
	kithd->tables_end = (size_t)(found - kithd->output.text) + strlen(end);
	kithd->table = strndup(kithd->output.text + begin, kithd->tables_end - begin);
	return kithd->table;
}

/* The word with that number in a line, counted from 0; kept until the end of the test. */
static const char *word_of(const char *line, int number)
{
	for (line += strspn(line, " "); *line != '\n' && *line != '\0'; line += strspn(line, " ")) {
		size_t length = strcspn(line, " \n");
		if (number-- == 0)
			return harness_text("%.*s", (int)length, line);
		line += length;
	}
	return NULL;
}

static int number_of_word(const char *line, const char *wanted)
{
	size_t length = strlen(wanted);
	int number = 0;
	for (line += strspn(line, " "); *line != '\n' && *line != '\0'; line += strspn(line, " "), number++) {
		size_t word = strcspn(line, " \n");
		if (word == length && strncmp(line, wanted, length) == 0)
			return number;
		line += word;
	}
	return -1;
}

static const char *line_of(const char *table, int number)
{
	while (number-- > 0 && table != NULL) {
		table = strchr(table, '\n');
		table = table == NULL ? NULL : table + 1;
	}
	return table;
}

const char *shown_field(const char *table, const char *field)
{
	/* "# kithd 0.1.0" and then names and values in turn. */
	for (int word = 3;; word += 2) {
		const char *name = word_of(table, word);
		if (name == NULL || strcmp(name, field) == 0)
			return name == NULL ? NULL : word_of(table, word + 1);
	}
}

/* A line that is a row, or NULL; the first two are the header and the columns. */
static const char *row_of(const char *table, int row)
{
	const char *line = line_of(table, row + 2);
	return line == NULL || *line == '#' || *line == '\0' ? NULL : line;
}

const char *shown_cell(const char *table, int row, const char *column)
{
	int number = number_of_word(line_of(table, 1), column);
	const char *line = row_of(table, row);
	return number < 0 || line == NULL ? NULL : word_of(line, number);
}

const char *kithd_header(struct kithd *kithd, const char *field)
{
	const char *value = shown_field(kithd_table(kithd), field);
	if (value == NULL)
		harness_fail_here("the table's header has no %s:\n%s", field, kithd->table);
	return value;
}

static bool cell_equals(const char *table, int row, const char *column, const char *value)
{
	int number = number_of_word(line_of(table, 1), column);
	const char *line = row_of(table, row);
	for (line += strspn(line, " "); number > 0 && *line != '\n'; number--) {
		line += strcspn(line, " \n");
		line += strspn(line, " ");
	}
	size_t length = strcspn(line, " \n");
	return number == 0 && length == strlen(value) && strncmp(line, value, length) == 0;
}

int kithd_rows(struct kithd *kithd, const char *column, const char *value)
{
	const char *table = kithd_table(kithd);
	int count = 0;
	for (int row = 0; row_of(table, row) != NULL; row++)
		count += cell_equals(table, row, column, value);
	return count;
}

const char *kithd_cell(struct kithd *kithd, const char *nodeid, const char *column)
{
	const char *table = kithd_table(kithd);
	const char *value = "";
	int count = 0;
	for (int row = 0; row_of(table, row) != NULL; row++) {
		if (!cell_equals(table, row, "NODEID", nodeid))
			continue;
		value = shown_cell(table, row, column);
		if (value == NULL || ++count > 1)
			harness_fail_here("the table has no column %s, or more than one row of %s:\n%s", column, nodeid,
					  table);
	}
	return value;
}

bool kithd_cell_is(struct kithd *kithd, const char *nodeid, const char *column, const char *value)
{
	return strcmp(kithd_cell(kithd, nodeid, column), value) == 0;
}

double kithd_cell_number(struct kithd *kithd, const char *nodeid, const char *column)
{
	const char *text = kithd_cell(kithd, nodeid, column);
	char *end;
	double number = strtod(text, &end);
	return end == text || *end != '\0' ? -1 : number;
}

bool kithd_has_peer(struct kithd *kithd, const char *nodeid)
{
	/* Of one table: it may become late, or be heard again, from one to the next. */
	const char *table = kithd_table(kithd);
	int rows = 0, peers = 0;
	for (int row = 0; row_of(table, row) != NULL; row++) {
		if (!cell_equals(table, row, "NODEID", nodeid))
			continue;
		rows++;
		peers += cell_equals(table, row, "STATE", "READY") || cell_equals(table, row, "STATE", "LATE");
	}
	return rows == 1 && peers == 1;
}

int kithd_peers(struct kithd *kithd)
{
	return (int)strtol(kithd_header(kithd, "peers"), NULL, 10);
}

/* What a sanitizer or a failed assertion leaves in the log. */
static bool has_complaint(struct kithd *kithd)
{
	static const char *const signs[] = {"Sanitizer", "runtime error", "must("};
	for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
		if (strstr(kithd_log(kithd), signs[i]) != NULL)
			return true;
	return false;
}

static void complain(const struct kithd *kithd, const char *what, int status)
{
	char text[1200];
	snprintf(text, sizeof text, "kithd%s: %s (status %d)", kithd->arguments, what, status);
	CU_assertImplementation(CU_FALSE, __LINE__, text, __FILE__, "", CU_FALSE);
}

void kithd_stop_all(void)
{
	for (size_t i = 0; i < kithd_count; i++) {
		kithd_signal(kithds[i], SIGCONT);
		kithd_signal(kithds[i], SIGTERM);
	}
	int64_t deadline_us = harness_deadline_us(STOP_S + (double)kithd_count / 4);
	for (size_t i = 0; i < kithd_count; i++) {
		struct kithd *kithd = kithds[i];
		bool had_ended = kithd->has_ended;
		if (!ends_before(kithd, deadline_us)) {
			kithd_signal(kithd, SIGKILL);
			ends_before(kithd, harness_deadline_us(HARNESS_PATIENCE_S));
			complain(kithd, "doesn't stop after SIGTERM", kithd->status);
		} else if (!had_ended && kithd->status != 0) {
			complain(kithd, "stopped with another status than 0", kithd->status);
		}
		if (has_complaint(kithd))
			complain(kithd, "complains in its log", kithd->status);
	}
}

static void dump_text(const char *what, const char *text)
{
	size_t length = strlen(text);
	const char *from = length > DUMP_BYTES ? text + length - DUMP_BYTES : text;
	fprintf(stderr, "--- %s%s\n%s", what, from == text ? "" : " (its end)", from);
}

void kithd_dump_all(void)
{
	for (size_t i = 0; i < kithd_count; i++) {
		fprintf(stderr, "=== kithd%s: process %d, status %d\n", kithds[i]->arguments, (int)kithds[i]->pid,
			kithds[i]->status);
		dump_text("log", kithd_log(kithds[i]));
		if (kithds[i]->table != NULL)
			dump_text("table", kithds[i]->table);
	}
}

void kithd_forget_all(void)
{
	while (kithd_count > 0) {
		struct kithd *kithd = kithds[--kithd_count];
		written_close(&kithd->log);
		written_close(&kithd->output);
		free(kithd->table);
		free(kithd);
	}
}
