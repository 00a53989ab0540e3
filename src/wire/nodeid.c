#include "wire/nodeid.h"

#include <string.h>
#include <uuid/uuid.h>

#include "base/version.h"

const struct nodeid nodeid_none;

struct nodeid nodeid_random(void)
{
	struct nodeid nodeid;
	uuid_generate_random(nodeid.bytes);
	return nodeid;
}

bool nodeid_parse(const char *text, struct nodeid *nodeid)
{
	return uuid_parse(text, nodeid->bytes) == 0 && !nodeid_is_none(nodeid);
}

void nodeid_format(const struct nodeid *nodeid, char out[static NODEID_TEXT_BYTES])
{
	uuid_unparse_lower(nodeid->bytes, out);
}

int nodeid_compare(const struct nodeid *one, const struct nodeid *other)
{
	return memcmp(one->bytes, other->bytes, NODEID_BYTES);
}

bool nodeid_equals(const struct nodeid *one, const struct nodeid *other)
{
	return nodeid_compare(one, other) == 0;
}

bool nodeid_is_none(const struct nodeid *nodeid)
{
	return nodeid_equals(nodeid, &nodeid_none);
}

const char *nodeid_library_version(void)
{
	return version_of_file((void *)uuid_parse);
}
