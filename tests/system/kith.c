#define HARNESS_INSIDE
#include "kith.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUNS = 64, ARGUMENTS = 32, TEXT_BYTES = 4096, PATIENCE_S = 40 };

struct kith {
	pid_t pid;
	bool has_ended;
	int status;
	int out_fd, err_fd; /* files without names */
	int terminal;	    /* its other end, or -1 */
	char *text;	    /* what kith_output has handed out */
};

static struct kith runs[RUNS];
static size_t run_count;
static pid_t fakes[RUNS];
static size_t fake_count;

const char *kith_program(void)
{
	const char *kith = getenv("KITH"), *kithd = getenv("KITHD");
	if (kith != NULL)
		return kith;
	if (kithd == NULL)
		return "build/kith";
	char *copy = strdup(kithd);
	const char *path = harness_text("%s/kith", dirname(copy));
	free(copy);
	return path;
}

/* Cuts a text into words at its spaces, but for those between two '. The words are in the text. */
static void cut(char *text, char **words, size_t most)
{
	size_t count = 0;
	char *to = text;
	bool is_quoted = false, is_within = false;
	for (char *from = text; *from != '\0' && count + 1 < most; from++) {
		if (*from == ' ' && !is_quoted) {
			*to++ = '\0';
			is_within = false;
			continue;
		}
		if (!is_within)
			words[count++] = to;
		is_within = true;
		if (*from == '\'')
			is_quoted = !is_quoted;
		else
			*to++ = *from;
	}
	*to = '\0';
	words[count] = NULL;
}

static _Noreturn void become_kith(const struct kith *kith, const struct kith_how *how, char **argv, int out,
				  pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	if (getppid() != parent)
		_exit(99);
	unsetenv("KITH_CONTROL");
	unsetenv("NO_COLOR");
	setenv("TZ", "UTC", 1);
	for (const char *const *pair = how->environment; pair != NULL && *pair != NULL; pair++)
		if ((strchr(*pair, '=') == NULL ? unsetenv(*pair) : putenv(strdup(*pair))) != 0)
			_exit(98);
	/* Another user may not reach it by its path. */
	int file = open(argv[0], O_RDONLY | O_CLOEXEC);
	dup2(out, STDOUT_FILENO);
	dup2(kith->err_fd, STDERR_FILENO);
	if (how->uid != 0 && (setgroups(0, NULL) != 0 || setgid(how->uid) != 0 || setuid(how->uid) != 0))
		_exit(98);
	fexecve(file, argv, environ);
	dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(97);
}

/* The descriptor that is its stdout. */
static int open_output(struct kith *kith, const struct kith_how *how)
{
	int ends[2], far_end;
	struct winsize size = {.ws_col = (unsigned short)how->columns, .ws_row = 24};
	kith->terminal = -1;
	kith->out_fd = memfd_create("kith-out", MFD_CLOEXEC);
	kith->err_fd = memfd_create("kith-err", MFD_CLOEXEC);
	if (kith->out_fd < 0 || kith->err_fd < 0)
		abort();
	if (how->has_no_reader) {
		if (pipe2(ends, O_CLOEXEC) != 0)
			abort();
		close(ends[0]);
		return ends[1];
	}
	if (how->output != NULL)
		return open(how->output, O_WRONLY | O_CLOEXEC);
	if (how->columns > 0) {
		if (openpty(&kith->terminal, &far_end, NULL, NULL, &size) != 0)
			abort();
		fcntl(kith->terminal, F_SETFD, FD_CLOEXEC);
		fcntl(far_end, F_SETFD, FD_CLOEXEC);
		return far_end;
	}
	return dup(kith->out_fd);
}

static struct kith *spawn(const struct kith_how *how, const char *format, va_list arguments)
{
	char text[TEXT_BYTES], path[TEXT_BYTES], *argv[ARGUMENTS];
	int length = vsnprintf(text, sizeof text, format, arguments);
	if (run_count == RUNS || length < 0 || (size_t)length >= sizeof text)
		abort();
	struct kith *kith = &runs[run_count++];
	*kith = (struct kith){0};
	/* The program may be out of the reach of another user by its path, so it is opened by this one. */
	snprintf(path, sizeof path, "%s", kith_program());
	argv[0] = path;
	cut(text, argv + 1, ARGUMENTS - 1);
	int out = open_output(kith, how);
	pid_t parent = getpid();
	fflush(NULL);
	kith->pid = fork();
	if (kith->pid < 0)
		abort();
	if (kith->pid == 0)
		become_kith(kith, how, argv, out, parent);
	close(out);
	return kith;
}

static void take_terminal(struct kith *kith)
{
	char bytes[4096];
	struct pollfd ready = {.fd = kith->terminal, .events = POLLIN};
	while (kith->terminal >= 0 && poll(&ready, 1, 0) > 0) {
		ssize_t n = read(kith->terminal, bytes, sizeof bytes);
		if (n <= 0)
			return;
		if (write(kith->out_fd, bytes, (size_t)n) != n)
			abort();
	}
}

static bool has_ended(struct kith *kith)
{
	int status;
	take_terminal(kith);
	if (!kith->has_ended && waitpid(kith->pid, &status, WNOHANG) == kith->pid) {
		kith->has_ended = true;
		kith->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		take_terminal(kith);
	}
	return kith->has_ended;
}

static const char *contents(int fd)
{
	struct stat status;
	if (fstat(fd, &status) != 0)
		abort();
	char *text = calloc(1, (size_t)status.st_size + 1);
	if (text == NULL || pread(fd, text, (size_t)status.st_size, 0) != status.st_size)
		abort();
	const char *kept = harness_text("%s", text);
	free(text);
	return kept;
}

struct kith_run kith_wait(struct kith *kith)
{
	int64_t since_us = clock_now_us(), deadline_us = harness_deadline_us(PATIENCE_S);
	while (!has_ended(kith)) {
		if (clock_now_us() > deadline_us)
			harness_fail_here("kith does not end; it has printed:\n%s%s", contents(kith->out_fd),
					  contents(kith->err_fd));
		harness_pause(since_us);
	}
	return (struct kith_run){contents(kith->out_fd), contents(kith->err_fd), kith->status};
}

struct kith_run kith_run_as(const struct kith_how *how, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	struct kith *kith = spawn(how, format, arguments);
	va_end(arguments);
	return kith_wait(kith);
}

struct kith_run kith_run(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	struct kith *kith = spawn(&(struct kith_how){0}, format, arguments);
	va_end(arguments);
	return kith_wait(kith);
}

struct kith *kith_spawn(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	struct kith *kith = spawn(&(struct kith_how){0}, format, arguments);
	va_end(arguments);
	return kith;
}

const char *kith_output(struct kith *kith)
{
	take_terminal(kith);
	struct stat status;
	if (fstat(kith->out_fd, &status) != 0)
		abort();
	free(kith->text);
	kith->text = calloc(1, (size_t)status.st_size + 1);
	if (kith->text == NULL || pread(kith->out_fd, kith->text, (size_t)status.st_size, 0) < 0)
		abort();
	return kith->text;
}

pid_t kith_pid(const struct kith *kith)
{
	return kith->pid;
}

/* ---- a fake node ---- */

static void send_text(int fd, const char *text)
{
	char *copy = strdup(text);
	for (char *at = copy; (at = strchr(at, '\'')) != NULL;)
		*at = '"';
	send(fd, copy, strlen(copy), MSG_NOSIGNAL);
	free(copy);
}

static void answer(int fd, const char *line, const struct fake_answer *answers)
{
	for (; answers->request != NULL; answers++)
		if (strstr(line, harness_text("\"msgtype\":\"%s\"", answers->request)) != NULL)
			break;
	send_text(fd, answers->request == NULL
			      ? "{'msgtype':'error','error':'unknown_request','text':'there is no request'}\n"
			      : answers->text);
}

static _Noreturn void serve(int listening, const struct fake_answer *answers, bool stops, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(99);
	for (;;) {
		char *line = NULL;
		size_t room = 0;
		FILE *in = fdopen(accept(listening, NULL, NULL), "r");
		if (in == NULL)
			_exit(1);
		while (getline(&line, &room, in) > 0) {
			answer(fileno(in), line, answers);
			if (stops)
				_exit(0);
		}
		free(line);
		fclose(in);
	}
}

void fake_node(const char *path, const struct fake_answer *answers, bool stops)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fake_count == RUNS || fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(fd, 16) != 0)
		abort();
	pid_t parent = getpid();
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0)
		serve(fd, answers, stops, parent);
	fakes[fake_count++] = pid;
	close(fd);
}

void kith_stop_all(void)
{
	while (run_count > 0) {
		struct kith *kith = &runs[--run_count];
		if (!has_ended(kith)) {
			kill(kith->pid, SIGKILL);
			waitpid(kith->pid, NULL, 0);
		}
		close(kith->out_fd);
		close(kith->err_fd);
		if (kith->terminal >= 0)
			close(kith->terminal);
		free(kith->text);
	}
	while (fake_count > 0) {
		kill(fakes[--fake_count], SIGKILL);
		waitpid(fakes[fake_count], NULL, 0);
	}
}
