#include "kith/exposition.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kith/status.h"
#include "kith/value.h"

static bool append(struct buffer *out, const char *text)
{
	return buffer_append(out, text, strlen(text));
}

/* A quote is escaped in the value of a label, but not in a help. */
static bool append_escaped(struct buffer *out, const char *text, bool is_quoted)
{
	bool is_good = true;
	for (; *text != '\0' && is_good; text++) {
		if (*text == '\\')
			is_good = append(out, "\\\\");
		else if (*text == '\n')
			is_good = append(out, "\\n");
		else if (*text == '"' && is_quoted)
			is_good = append(out, "\\\"");
		else
			is_good = buffer_append(out, text, 1);
	}
	return is_good;
}

static bool append_head(struct buffer *out, const char *name, const char *help, const char *type)
{
	return append(out, "# HELP ") && append(out, name) && append(out, " ") && append_escaped(out, help, false) &&
	       append(out, "\n# TYPE ") && append(out, name) && append(out, " ") && append(out, type) &&
	       append(out, "\n");
}

static bool append_label(struct buffer *out, bool is_first, const char *name, const char *value)
{
	return append(out, is_first ? "{" : ",") && append(out, name) && append(out, "=\"") &&
	       append_escaped(out, value == NULL ? "" : value, true) && append(out, "\"");
}

static bool append_value(struct buffer *out, double value)
{
	char digits[40];
	if (isfinite(value))
		snprintf(digits, sizeof digits, " %.15g\n", value);
	else
		snprintf(digits, sizeof digits, " %s\n", isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
	return append(out, digits);
}

/* Letters, digits and underscores: a newer node may have others, which would spoil the file. */
static bool is_name(const char *text)
{
	size_t length =
		text == NULL ? 0 : strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	return length > 0 && text[length] == '\0' && (text[0] < '0' || text[0] > '9');
}

static bool append_sample(struct buffer *out, struct json_object *row)
{
	const char *sample = value_text(row, "sample");
	struct json_object *labels = NULL;
	double value;
	bool is_first = true, is_good;
	if (sample == NULL)
		sample = value_text(row, "name");
	/* What the node doesn't know has no sample. */
	if (!value_number(row, "value", &value) || !is_name(sample))
		return true;
	is_good = append(out, sample);
	json_object_object_get_ex(row, "labels", &labels);
	if (json_object_is_type(labels, json_type_object)) {
		json_object_object_foreach(labels, name, label)
		{
			if (!is_name(name) || json_string(label) == NULL)
				continue;
			is_good = is_good && append_label(out, is_first, name, json_string(label));
			is_first = false;
		}
	}
	return is_good && (is_first || append(out, "}")) && append_value(out, value);
}

bool exposition_add_metrics(struct buffer *out, const struct rows *metrics)
{
	bool is_good = true;
	for (size_t i = 0; i < metrics->count && is_good; i++) {
		struct json_object *row = metrics->list[i];
		const char *name = value_text(row, "name"), *help = value_text(row, "help"),
			   *type = value_text(row, "type");
		if (!is_name(name) || rows_find(metrics, "name", name) != row)
			continue;
		is_good = append_head(out, name, help == NULL ? "" : help, type == NULL ? "untyped" : type);
		for (size_t j = i; j < metrics->count && is_good; j++) {
			const char *other = value_text(metrics->list[j], "name");
			if (other != NULL && strcmp(other, name) == 0)
				is_good = append_sample(out, metrics->list[j]);
		}
	}
	return is_good;
}

bool exposition_add_up(struct buffer *out, bool is_up)
{
	return append_head(out, "kith_up", "Whether the node answers its control socket.", "gauge") &&
	       append(out, is_up ? "kith_up 1\n" : "kith_up 0\n");
}

/* ---- peers ---- */

static double rtt_of(struct json_object *peer)
{
	double rtt_ms;
	return value_number(peer, "rtt_ms", &rtt_ms) ? rtt_ms : -1;
}

static int compare(const void *one, const void *other)
{
	double a = rtt_of(*(struct json_object *const *)one), b = rtt_of(*(struct json_object *const *)other);
	return (a < b) - (a > b);
}

bool exposition_add_peers(struct buffer *out, const struct rows *peers, size_t most)
{
	struct json_object **sorted = calloc(peers->count + 1, sizeof(struct json_object *));
	bool is_good = sorted != NULL;
	size_t count = 0;
	for (size_t i = 0; i < peers->count && is_good; i++) {
		if (status_is_ready(peers->list[i]) && rtt_of(peers->list[i]) >= 0)
			sorted[count++] = peers->list[i];
	}
	if (is_good)
		qsort(sorted, count, sizeof(struct json_object *), compare);
	if (is_good && count > 0 && most > 0)
		is_good = append_head(out, "kith_peer_rtt_seconds",
				      "The last round trip of the peers with the longest ones.", "gauge");
	for (size_t i = 0; i < count && i < most && is_good; i++)
		is_good = append(out, "kith_peer_rtt_seconds") &&
			  append_label(out, true, "nodeid", value_text(sorted[i], "nodeid")) &&
			  append_label(out, false, "name", value_text(sorted[i], "name")) &&
			  append_label(out, false, "address", value_text(sorted[i], "address")) && append(out, "}") &&
			  append_value(out, rtt_of(sorted[i]) / 1000);
	free(sorted);
	return is_good;
}
