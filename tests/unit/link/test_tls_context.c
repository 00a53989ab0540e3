#include "link/tls_context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runner.h"
#include "unit/some_secrets.h"
#include "unit/suites.h"
#include "unit/visit.h"

/* ---- who is let in ---- */

static void each_secret_of_the_file_is_accepted(void)
{
	static const char *const lines[] = {SOME_SECRET, OTHER_SECRET};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct visit visit;
		struct handshake handshake;
		char bytes[8] = "";
		visit_init(&visit, SOME_SECRET OTHER_SECRET);
		gnutls_session_t client = client_new(visit.fd, node_priorities, lines[i], NULL);
		handshake_start(&handshake, visit.stream);
		EXPECT(client_handshake(client, visit.fd) == 0, "secret %zu", i);
		CU_ASSERT_EQUAL(handshake_end(&handshake), 0);
		CU_ASSERT_PTR_NULL(stream_problem(visit.stream));
		CU_ASSERT_EQUAL(gnutls_kx_get(client), GNUTLS_KX_ECDHE_PSK);
		CU_ASSERT_EQUAL(gnutls_record_send(client, "hello", 5), 5);
		CU_ASSERT_EQUAL(stream_read(visit.stream, bytes, sizeof bytes, late_us()), 5);
		CU_ASSERT_STRING_EQUAL(bytes, "hello");
		gnutls_deinit(client);
		visit_fini(&visit);
	}
}

static void new_secrets_count_from_the_next_handshake_on(void)
{
	struct visit visit, next;
	struct handshake handshake;
	char bytes[8] = "";
	visit_init(&visit, SOME_SECRET);
	gnutls_session_t before = client_new(visit.fd, node_priorities, SOME_SECRET, NULL);
	handshake_start(&handshake, visit.stream);
	CU_ASSERT_EQUAL(client_handshake(before, visit.fd), 0);
	CU_ASSERT_EQUAL(handshake_end(&handshake), 0);
	CU_ASSERT_FALSE(tls_context_set_secrets(visit.context, secrets_of(SOME_SECRET)));
	CU_ASSERT_TRUE(tls_context_set_secrets(visit.context, secrets_of(OTHER_SECRET)));
	CU_ASSERT_EQUAL(gnutls_record_send(before, "still", 5), 5);
	CU_ASSERT_EQUAL(stream_read(visit.stream, bytes, sizeof bytes, late_us()), 5);
	for (int is_new = 0; is_new < 2; is_new++) {
		visit_open(&next, visit.context);
		gnutls_session_t client =
			client_new(next.fd, node_priorities, is_new ? OTHER_SECRET : SOME_SECRET, NULL);
		handshake_start(&handshake, next.stream);
		EXPECT((client_handshake(client, next.fd) == 0) == is_new, "new %d", is_new);
		EXPECT(handshake_end(&handshake) == (is_new ? 0 : EPROTO), "new %d", is_new);
		gnutls_deinit(client);
		visit_fini(&next);
	}
	gnutls_deinit(before);
	visit_fini(&visit);
}

/* ---- that a secret stays one ---- */

/* How often these bytes stand in the memory of this process, where it can be written to. */
static size_t copies_in_memory(const unsigned char *bytes, size_t length)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	char line[512], mode[5];
	unsigned long from, to;
	size_t copies = 0;
	CU_ASSERT_FATAL(maps != NULL && memory >= 0);
	while (fgets(line, sizeof line, maps) != NULL) {
		if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) != 3 || mode[1] != 'w')
			continue;
		/* cppcheck-suppress invalidFunctionArg; without a file the descriptor is -1 */
		char *content = mmap(NULL, to - from, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (content == MAP_FAILED)
			continue;
		ssize_t n = pread(memory, content, to - from, (off_t)from);
		const char *end = content + (n > 0 ? n : 0), *found = content;
		while ((found = memmem(found, (size_t)(end - found), bytes, length)) != NULL) {
			copies++;
			found++;
		}
		munmap(content, to - from);
	}
	close(memory);
	fclose(maps);
	return copies;
}

/* Of the second half: the first of what is freed is overwritten anyway. */
static void a_false_claim_leaves_no_copy_of_the_secret(void)
{
	enum { CLAIMS = 4, HALF = SECRET_LEAST_BYTES / 2 };
	struct visit visit;
	struct secrets *secrets = secrets_of(THIRD_SECRET);
	unsigned char *half = secrets->list[0].bytes + HALF;
	struct tls_context *context = context_of(THIRD_SECRET);
	size_t before = copies_in_memory(half, HALF);
	CU_ASSERT(before >= 2);
	for (int i = 0; i < CLAIMS; i++) {
		struct handshake handshake;
		visit_open(&visit, context);
		gnutls_session_t client =
			client_new(visit.fd, node_priorities, OTHER_SECRET, secrets->list[0].identity);
		handshake_start(&handshake, visit.stream);
		CU_ASSERT_EQUAL(client_handshake(client, visit.fd), GNUTLS_E_FATAL_ALERT_RECEIVED);
		CU_ASSERT_EQUAL(handshake_end(&handshake), EPROTO);
		gnutls_deinit(client);
		visit_fini(&visit);
	}
	size_t after = copies_in_memory(half, HALF);
	EXPECT(after == before, "%zu copies, and %zu before", after, before);
	tls_context_free(context);
	secrets_free(secrets);
}

static CU_TestInfo tests[] = {
	{"each secret of the file is accepted", each_secret_of_the_file_is_accepted},
	{"new secrets count from the next handshake on", new_secrets_count_from_the_next_handshake_on},
	{"a false claim leaves no copy of the secret", a_false_claim_leaves_no_copy_of_the_secret},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_tls_context = {.pName = "tls_context", .pTests = tests};
