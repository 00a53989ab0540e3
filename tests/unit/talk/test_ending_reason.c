#include <CUnit/CUnit.h>
#include <errno.h>

#include "runner.h"
#include "talk/protocol_priv.h"
#include "unit/suites.h"

/* What has happened, and what it is called in a report. */
struct ended {
	struct peer_info info;
	enum report_reason reason;
};

static void expect_reasons(const struct ended *ended, size_t count)
{
	for (size_t i = 0; i < count; i++)
		EXPECT(ending_reason(&ended[i].info) == ended[i].reason, "case %zu: %d, not %d", i,
		       (int)ending_reason(&ended[i].info), (int)ended[i].reason);
}

static void a_failed_dial_has_the_reason_that_the_socket_gives(void)
{
	static const struct ended ended[] = {
		{{.state = PEER_DIAL, .ending = PEER_FAILED, .error = ETIMEDOUT}, REASON_TIMED_OUT},
		{{.state = PEER_DIAL, .ending = PEER_FAILED, .error = ECONNREFUSED}, REASON_REFUSED},
		{{.state = PEER_DIAL, .ending = PEER_FAILED, .error = EHOSTUNREACH}, REASON_UNREACHABLE},
		{{.state = PEER_DIAL, .ending = PEER_HINDERED, .error = ENETUNREACH}, REASON_UNREACHABLE},
		{{.state = PEER_DIAL, .ending = PEER_HINDERED, .error = EMFILE}, REASON_OTHER},
		{{.state = PEER_HELLO, .ending = PEER_FAILED, .error = ECONNRESET}, REASON_RESET},
		{{.state = PEER_HELLO, .ending = PEER_FAILED}, REASON_CLOSED},
		{{.state = PEER_HELLO, .ending = PEER_FAILED, .reason = BYE_TIMEOUT}, REASON_TIMED_OUT},
		{{.state = PEER_HELLO, .ending = PEER_REFUSED, .error = EACCES}, REASON_SECRET},
		{{.state = PEER_HELLO, .ending = PEER_REFUSED, .error = EPROTO}, REASON_PROTOCOL},
	};
	expect_reasons(ended, sizeof ended / sizeof *ended);
}

static void a_handshake_has_the_reason_of_the_bye(void)
{
	static const struct ended ended[] = {
		{{.state = PEER_HELLO, .ending = PEER_LEFT, .reason = BYE_FULL}, REASON_FULL},
		{{.state = PEER_HELLO, .ending = PEER_LEFT, .reason = BYE_NETWORK}, REASON_NETWORK},
		{{.state = PEER_HELLO, .ending = PEER_CLOSED, .reason = BYE_NETWORK}, REASON_NETWORK},
		{{.state = PEER_HELLO, .ending = PEER_LEFT, .reason = BYE_SHUTDOWN}, REASON_LEFT},
		{{.state = PEER_HELLO, .ending = PEER_CLOSED, .reason = BYE_PROTOCOL}, REASON_PROTOCOL},
		{{.state = PEER_HELLO, .ending = PEER_LEFT, .reason = BYE_SELF}, REASON_OTHER},
	};
	expect_reasons(ended, sizeof ended / sizeof *ended);
}

static void a_peer_that_goes_has_the_reason_of_its_ending(void)
{
	static const struct ended ended[] = {
		{{.state = PEER_READY, .ending = PEER_LEFT, .reason = BYE_SHUTDOWN}, REASON_LEFT},
		{{.state = PEER_READY, .ending = PEER_FAILED}, REASON_CLOSED},
		{{.state = PEER_READY, .ending = PEER_FAILED, .error = ECONNRESET}, REASON_RESET},
		{{.state = PEER_READY, .ending = PEER_FAILED, .error = EPIPE}, REASON_RESET},
		{{.state = PEER_READY, .ending = PEER_FAILED, .error = ETIMEDOUT}, REASON_SILENT},
		{{.state = PEER_READY, .ending = PEER_FAILED, .error = EHOSTUNREACH}, REASON_UNREACHABLE},
		{{.state = PEER_READY, .ending = PEER_FAILED, .reason = BYE_TIMEOUT}, REASON_SILENT},
		{{.state = PEER_READY, .ending = PEER_FAILED, .reason = BYE_SLOW}, REASON_SLOW},
		{{.state = PEER_READY, .ending = PEER_CLOSED, .reason = BYE_FULL}, REASON_REMOVED},
		{{.state = PEER_READY, .ending = PEER_CLOSED, .reason = BYE_OPERATOR}, REASON_REMOVED},
		{{.state = PEER_READY, .ending = PEER_CLOSED, .reason = BYE_DUPLICATE}, REASON_REMOVED},
		{{.state = PEER_READY, .ending = PEER_CLOSED}, REASON_REMOVED},
		{{.state = PEER_READY, .ending = PEER_CLOSED, .reason = BYE_PROTOCOL}, REASON_PROTOCOL},
		{{.state = PEER_READY, .ending = PEER_HINDERED}, REASON_UNREACHABLE},
	};
	expect_reasons(ended, sizeof ended / sizeof *ended);
}

/* It says that this node was silent; this node has not seen that of it. */
static void what_a_peer_says_of_this_node_is_not_said_of_the_peer(void)
{
	static const struct ended ended[] = {
		{{.state = PEER_READY, .ending = PEER_LEFT, .reason = BYE_TIMEOUT}, REASON_REMOVED},
		{{.state = PEER_READY, .ending = PEER_LEFT, .reason = BYE_SLOW}, REASON_REMOVED},
		{{.state = PEER_READY, .ending = PEER_LEFT, .reason = BYE_FULL}, REASON_REMOVED},
		{{.state = PEER_READY, .ending = PEER_LEFT, .reason = BYE_OPERATOR}, REASON_REMOVED},
	};
	expect_reasons(ended, sizeof ended / sizeof *ended);
}

static CU_TestInfo tests[] = {
	{"a failed dial has the reason that the socket gives", a_failed_dial_has_the_reason_that_the_socket_gives},
	{"a handshake has the reason of the bye", a_handshake_has_the_reason_of_the_bye},
	{"a peer that goes has the reason of its ending", a_peer_that_goes_has_the_reason_of_its_ending},
	{"what a peer says of this node is not said of the peer",
	 what_a_peer_says_of_this_node_is_not_said_of_the_peer},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_ending_reason = {.pName = "ending_reason", .pTests = tests};
