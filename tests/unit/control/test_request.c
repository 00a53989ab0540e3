#include "control/control_priv.h"

#include <ctype.h>
#include <string.h>

#include "runner.h"
#include "unit/suites.h"

static bool is_snake_case(const char *name)
{
	for (const char *c = name; *c != '\0'; c++)
		if (!islower((unsigned char)*c) && !(*c == '_' && c != name && c[1] != '\0'))
			return false;
	return name[0] != '\0';
}

/* A sentence that begins in lower case, as in a list, without a full stop. */
static bool is_help(const char *text)
{
	return text != NULL && text[0] != '\0' && !isupper((unsigned char)text[0]) && text[strlen(text) - 1] != '.';
}

static void each_request_is_described(void)
{
	CU_ASSERT(request_count > 0);
	for (size_t i = 0; i < request_count; i++) {
		const struct request *request = &request_table[i];
		EXPECT(is_snake_case(request->name), "%s", request->name);
		EXPECT(is_help(request->help), "%s", request->name);
		EXPECT(request->run != NULL, "%s", request->name);
		EXPECT(request->row == NULL || is_snake_case(request->row), "%s", request->name);
	}
}

static void they_are_sorted_by_name(void)
{
	for (size_t i = 1; i < request_count; i++)
		EXPECT(strcmp(request_table[i - 1].name, request_table[i].name) < 0, "%s", request_table[i].name);
}

static void each_key_is_described(void)
{
	for (size_t i = 0; i < request_count; i++) {
		const struct request *request = &request_table[i];
		bool was_optional = false;
		for (size_t j = 0; j < REQUEST_KEYS && request->keys[j].name != NULL; j++) {
			const struct request_key *key = &request->keys[j];
			EXPECT(is_snake_case(key->name), "%s of %s", key->name, request->name);
			EXPECT(is_help(key->help), "%s of %s", key->name, request->name);
			/* As people write them on a command line. */
			EXPECT(!was_optional || !key->is_required, "%s of %s", key->name, request->name);
			was_optional = was_optional || !key->is_required;
		}
	}
}

static CU_TestInfo tests[] = {
	{"each request is described", each_request_is_described},
	{"they are sorted by name", they_are_sorted_by_name},
	{"each key is described, those that are required first", each_key_is_described},
	CU_TEST_INFO_NULL,
};

CU_SuiteInfo suite_request = {.pName = "request", .pTests = tests};
