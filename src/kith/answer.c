#include "kith/answer.h"

void answer_print_row(const struct session *session)
{
	printf("%.*s\n", (int)session->length, session->line);
}

enum outcome answer_read(struct session *session, const struct options *options,
			 bool (*tell)(void *context, struct json_object *row), void *context)
{
	enum session_result result;
	bool is_json = option_is_given(options, OPTION_JSON);
	while ((result = session_expect(session)) == SESSION_ROW) {
		if (is_json)
			answer_print_row(session);
		else if (!tell(context, session->row))
			return complain_no_memory();
		if (!session_has_more(session) && !outcome_flush(stdout))
			return OUTCOME_SYSTEM_FAILS;
	}
	return result == SESSION_END ? OUTCOME_DONE : session->outcome;
}
