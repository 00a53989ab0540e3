#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HARNESS_INSIDE
#include "asker.h"
#include "kith.h"
#include "kithd.h"
#include "raw.h"

enum {
	FIRST_PORT = 10000, /* up to 19999: below the range that the kernel takes ports from */
	FIRST_WILDCARD_PORT = 20000,
	WILDCARD_PORTS = 10000,
	CLAIM_PORT = 9,
	BLOCKS = 60 * 250, /* 127.64.0.0/24 to 127.123.249.0/24 */
};

static struct {
	const char *file;
	int line;
	int block; /* of addresses, -1 before it is claimed */
	unsigned addresses;
	unsigned failures_before;
	char **texts;
	size_t text_count, text_room;
	int fds[32];
	size_t fd_count;
	const char *files[16];
	size_t file_count;
	const char *folders[32];
	size_t folder_count;
	int home; /* the network namespace to come back to, or -1 */
} harness = {.block = -1, .home = -1};

static _Noreturn void fail(const char *file, int line, const char *format, va_list arguments)
{
	char text[2048];
	vsnprintf(text, sizeof text, format, arguments);
	CU_assertImplementation(CU_FALSE, (unsigned)line, text, file, "", CU_TRUE);
	abort();
}

void harness_fail_at(const char *file, int line, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fail(file, line, format, arguments);
	va_end(arguments);
}

void harness_fail_here(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fail(harness.file, harness.line, format, arguments);
	va_end(arguments);
}

void harness_at(const char *file, int line)
{
	harness.file = file;
	harness.line = line;
}

bool harness_can(bool possible, const char *test, const char *why)
{
	if (!possible)
		printf("passed over: \"%s\": %s\n", test, why);
	return possible;
}

bool harness_is_root(const char *test)
{
	return harness_can(geteuid() == 0, test, "it makes namespaces, which needs root");
}

double harness_slowness(void)
{
	const char *text = getenv("SLOW");
	double factor = text == NULL ? 1 : strtod(text, NULL);
	return factor >= 1 ? factor : 1;
}

int64_t harness_deadline_us(double seconds)
{
	return clock_now_us() + (int64_t)(seconds * harness_slowness() * 1e6);
}

void harness_pause(int64_t since_us)
{
	enum { SHORTEST_US = 1000, LONGEST_US = 50000 };
	int64_t us = (clock_now_us() - since_us) / 8;
	us = us < SHORTEST_US ? SHORTEST_US : us > LONGEST_US ? LONGEST_US : us;
	nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

/* Takes text, until the end of the test. */
static const char *keep(char *text)
{
	if (harness.text_count == harness.text_room) {
		harness.text_room = harness.text_room * 2 + 64;
		harness.texts = realloc(harness.texts, harness.text_room * sizeof *harness.texts);
	}
	if (text == NULL || harness.texts == NULL)
		abort();
	harness.texts[harness.text_count++] = text;
	return text;
}

const char *harness_text(const char *format, ...)
{
	char *text = NULL;
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		abort();
	va_end(arguments);
	return keep(text);
}

/* The process that holds a socket on the last address of a block owns its 254 addresses. */
static void claim_block(void)
{
	int claim = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (int i = 0; i < BLOCKS; i++) {
		int block = (getpid() + i) % BLOCKS;
		uint32_t host = 127u << 24 | (uint32_t)(64 + block / 250) << 16 | (uint32_t)(block % 250) << 8 | 254;
		struct sockaddr_in address = {.sin_family = AF_INET,
					      .sin_port = htons(FIRST_PORT + CLAIM_PORT),
					      .sin_addr.s_addr = htonl(host)};
		if (bind(claim, (struct sockaddr *)&address, sizeof address) == 0) {
			harness.block = block;
			return;
		}
	}
	harness_fail("no block of loopback addresses is free");
}

const char *harness_host(int number)
{
	if (harness.block < 0)
		claim_block();
	return harness_text("127.%d.%d.%d", 64 + harness.block / 250, harness.block % 250, number);
}

const char *harness_address(void)
{
	unsigned count = harness.addresses++;
	return harness_text("%s:%u", harness_host((int)(1 + count % 150)), FIRST_PORT + 100 + count % 9900);
}

static bool is_free_everywhere(int port)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int family = fd < 0 ? AF_INET : AF_INET6;
	if (fd < 0)
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	bool is_free = (family == AF_INET6 ? bind(fd, (struct sockaddr *)&six, sizeof six)
					   : bind(fd, (struct sockaddr *)&four, sizeof four)) == 0;
	close(fd);
	return is_free;
}

/* The process that holds a datagram socket on a port owns that port, until it ends. */
static bool claim_port(int port)
{
	int claim = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)port),
				      .sin_addr.s_addr = htonl(127u << 24 | 63u << 16 | 1)};
	if (bind(claim, (struct sockaddr *)&address, sizeof address) == 0)
		/* cppcheck-suppress resourceLeak; it stays open */
		return true;
	close(claim);
	return false;
}

int harness_wildcard_port(void)
{
	harness_host(1);
	for (int i = 0; i < WILDCARD_PORTS; i++) {
		int port = FIRST_WILDCARD_PORT + (harness.block + (int)harness.addresses++) % WILDCARD_PORTS;
		if (is_free_everywhere(port) && claim_port(port))
			return port;
	}
	harness_fail("no port is free on every address");
}

void harness_isolate(void)
{
	harness.home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (harness.home < 0 || unshare(CLONE_NEWNET) != 0)
		harness_fail("no network namespace: %s", strerror(errno));
	harness_ip("link set lo up");
}

void harness_ip(const char *format, ...)
{
	char command[512] = "ip ";
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(command + 3, sizeof command - 3, format, arguments);
	va_end(arguments);
	int status = system(command); /* NOLINT(cert-env33-c): a fixed command of the test's own */
	if (status != 0)
		harness_fail("`%s` failed with status %d", command, status);
}

int harness_keep_fd(int fd)
{
	if (fd < 0 || harness.fd_count == sizeof harness.fds / sizeof *harness.fds)
		abort();
	harness.fds[harness.fd_count++] = fd;
	return fd;
}

const char *harness_read_file(const char *path)
{
	size_t length = 0;
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return NULL;
	char *content = malloc(1 << 20);
	if (content == NULL)
		abort();
	length = fread(content, 1, (1 << 20) - 1, file);
	content[length] = '\0';
	fclose(file);
	return keep(content);
}

/* For mkstemp and mkdtemp. In memory where that can be: a stop waits for fsync, which a busy disk may hold for seconds.
 */
static char *temporary_path(void)
{
	static const char memory[] = "/dev/shm";
	const char *directory = getenv("TMPDIR");
	char *path = NULL;
	if (directory == NULL)
		directory = access(memory, W_OK) == 0 ? memory : "/tmp";
	if (asprintf(&path, "%s/kith-test-XXXXXX", directory) < 0)
		abort();
	keep(path);
	return path;
}

const char *harness_make_folder(void)
{
	char *path = temporary_path();
	if (harness.folder_count == sizeof harness.folders / sizeof *harness.folders)
		abort();
	if (mkdtemp(path) == NULL)
		harness_fail("cannot make %s: %s", path, strerror(errno));
	harness.folders[harness.folder_count++] = path;
	return path;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status, (void)kind, (void)walk;
	remove(path);
	return 0;
}

static void remove_folder(const char *path)
{
	nftw(path, remove_one, 4, FTW_DEPTH | FTW_PHYS);
}

const char *harness_write_file(const char *content)
{
	char *path = temporary_path();
	if (harness.file_count == sizeof harness.files / sizeof *harness.files)
		abort();
	int fd = mkstemp(path);
	if (fd < 0 || write(fd, content, strlen(content)) != (ssize_t)strlen(content))
		harness_fail("cannot write %s: %s", path, strerror(errno));
	else
		close(fd);
	harness.files[harness.file_count++] = path;
	return path;
}

void harness_begin(void)
{
	harness.failures_before = CU_get_number_of_failure_records();
	harness_at("harness.c", 0);
}

static void leave_namespace(void)
{
	if (harness.home < 0)
		return;
	if (setns(harness.home, CLONE_NEWNET) != 0)
		abort();
	close(harness.home);
	harness.home = -1;
}

void harness_end(void)
{
	/* Peers that stay would make each stop wait for them. */
	raw_close_all();
	asker_close_all();
	kith_stop_all();
	kithd_stop_all();
	if (CU_get_number_of_failure_records() != harness.failures_before)
		kithd_dump_all();
	kithd_forget_all();
	leave_namespace();
	while (harness.fd_count > 0)
		close(harness.fds[--harness.fd_count]);
	while (harness.file_count > 0)
		unlink(harness.files[--harness.file_count]);
	while (harness.folder_count > 0)
		remove_folder(harness.folders[--harness.folder_count]);
	while (harness.text_count > 0)
		free(harness.texts[--harness.text_count]);
	free(harness.texts);
	harness.texts = NULL;
	harness.text_room = 0;
}
