#include "kith/mesh_ask.h"

bool mesh_ask(struct session *session)
{
	return session_ask(session, "info") && session_ask(session, "nodes") && session_ask(session, "links") &&
	       session_ask(session, "problems");
}
