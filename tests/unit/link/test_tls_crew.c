#include <malloc.h>

#include "link/tls_context.h"
#include "runner.h"
#include "unit/some_secrets.h"
#include "unit/suites.h"
#include "unit/visit.h"

/* The allocator of a sanitizer doesn't tell. */
static void threads_that_shake_hands_leave_nothing(void)
{
	enum { WARM = 20, HANDSHAKES = 200, LEFT_BYTES = 100 };
	struct tls_context *context = context_of(SOME_SECRET);
	size_t before = 0;
	for (unsigned i = 0; i < WARM + HANDSHAKES; i++) {
		struct visit visit;
		struct handshake handshake;
		if (i == WARM)
			before = mallinfo2().uordblks;
		visit_open(&visit, context);
		gnutls_session_t client = client_new(visit.fd, node_priorities, SOME_SECRET, NULL);
		handshake_start(&handshake, visit.stream);
		CU_ASSERT_EQUAL(client_handshake(client, visit.fd), 0);
		CU_ASSERT_EQUAL(handshake_end(&handshake), 0);
		gnutls_deinit(client);
		visit_fini(&visit);
	}
	size_t after = mallinfo2().uordblks;
	EXPECT(after < before + HANDSHAKES * LEFT_BYTES, "%zu bytes, and %zu before", after, before);
	tls_context_free(context);
}

static CU_TestInfo tests[] = {
	{"threads that shake hands leave nothing", threads_that_shake_hands_leave_nothing},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_tls_crew = {.pName = "tls_crew", .pTests = tests};
