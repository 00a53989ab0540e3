#include "wire/json.h"

#include <limits.h>
#include <string.h>

/*
 * What is usual is nested no deeper than an addr. A tokener takes memory for each level, so there is another try for
 * what is deeper: each thread keeps 0.4 kB less of what it has freed.
 */
enum { USUAL_DEPTH = 4 };

/* json-c counts the values within the innermost list as one more level. */
static struct json_tokener *new_tokener(int depth)
{
	struct json_tokener *tokener = json_tokener_new_ex(depth + 1);
	if (tokener != NULL)
		json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	return tokener;
}

static bool explain(struct json_tokener *tokener, struct problem *problem)
{
	enum json_tokener_error error = json_tokener_get_error(tokener);
	if (error == json_tokener_continue)
		return problem_set(problem, "not a JSON object: the line ends within a value");
	return problem_set(problem, "not JSON: %s at byte %zu", json_tokener_error_desc(error),
			   json_tokener_get_parse_end(tokener) + 1);
}

bool json_parse(const char *text, size_t length, int depth, struct json_object **value, struct problem *problem)
{
	int tried_depth = depth < USUAL_DEPTH ? depth : USUAL_DEPTH;
	*value = NULL;
	if (length > INT_MAX)
		return problem_set(problem, "not JSON: longer than %d bytes", INT_MAX);
	/* json-c takes a NUL for the end of its text, and would not see what follows. */
	if (memchr(text, '\0', length) != NULL)
		return problem_set(problem, "not JSON: a NUL byte");
	struct json_tokener *tokener = new_tokener(tried_depth);
	if (tokener == NULL)
		return problem_set_lacks_memory(problem);
	*value = json_tokener_parse_ex(tokener, text, (int)length);
	if (json_tokener_get_error(tokener) == json_tokener_error_depth && tried_depth < depth) {
		json_tokener_free(tokener);
		tokener = new_tokener(depth);
		if (tokener == NULL)
			return problem_set_lacks_memory(problem);
		*value = json_tokener_parse_ex(tokener, text, (int)length);
	}
	bool parsed = json_tokener_get_error(tokener) == json_tokener_success || explain(tokener, problem);
	json_tokener_free(tokener);
	return parsed;
}

size_t json_count_values(const char *text, size_t length)
{
	size_t values = 1;
	bool is_in_string = false;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		if (c == '"')
			is_in_string = !is_in_string;
		else if (c == '\\' && is_in_string)
			i++;
		else if ((c == ',' || c == '[' || c == '{') && !is_in_string)
			values++;
	}
	return values;
}

const char *json_string(struct json_object *value)
{
	if (!json_object_is_type(value, json_type_string))
		return NULL;
	const char *text = json_object_get_string(value);
	return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

bool json_integer(struct json_object *value, int64_t least, int64_t most, int64_t *out)
{
	if (!json_object_is_type(value, json_type_int))
		return false;
	*out = json_object_get_int64(value);
	return *out >= least && *out <= most;
}

bool json_add(struct json_object *object, const char *key, struct json_object *value)
{
	if (value != NULL && json_object_object_add(object, key, value) == 0)
		return true;
	json_object_put(value);
	return false;
}

bool json_add_text(struct json_object *object, const char *key, const char *text)
{
	return text[0] == '\0' || json_add(object, key, json_object_new_string(text));
}

bool json_write(struct json_object *value, struct buffer *out)
{
	size_t length;
	const char *text = json_object_to_json_string_length(
		value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
	return text != NULL && buffer_append(out, text, length);
}
