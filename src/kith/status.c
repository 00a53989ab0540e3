#include "kith/status_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kith/value.h"
#include "kith/words.h"

enum { VERSIONS = 10 };

void status_fini(struct status *status)
{
	json_object_put(status->info);
	rows_fini(&status->peers);
	rows_fini(&status->addresses);
	rows_fini(&status->events);
	rows_fini(&status->problems);
	rows_fini(&status->nodes);
	rows_fini(&status->links);
}

bool status_is_text(struct json_object *row, const char *key, const char *text)
{
	const char *value = value_text(row, key);
	return value != NULL && strcmp(value, text) == 0;
}

static void keep(struct status *status, struct rows *rows, struct json_object *row)
{
	status->lacks_memory = !rows_add(rows, row) || status->lacks_memory;
}

void status_take(struct status *status, struct json_object *row)
{
	const struct {
		const char *msgtype;
		struct rows *rows;
	} kinds[] = {{"peer", &status->peers},	 {"address", &status->addresses}, {"problem", &status->problems},
		     {"event", &status->events}, {"node", &status->nodes},	  {"link", &status->links}};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (status_is_text(row, "msgtype", kinds[i].msgtype))
			keep(status, kinds[i].rows, row);
	if (status_is_text(row, "msgtype", "info")) {
		json_object_put(status->info);
		status->info = json_object_get(row);
	}
}

bool status_ask_for_peers(struct session *session)
{
	static const char keys[] = "[\"nodeid\",\"name\",\"listen\",\"address\",\"agent\",\"state\",\"closing\","
				   "\"rtt_ms\",\"usual_rtt_ms\",\"late_ms\",\"up_s\"]";
	struct buffer out = {0};
	struct row row = row_begin(&out, "peers");
	row_json(&row, "keys", keys);
	return session_send_row(session, &row);
}

bool status_is_late(struct json_object *peer)
{
	return status_is_text(peer, "state", "late");
}

bool status_is_ready(struct json_object *peer)
{
	return (status_is_text(peer, "state", "ready") || status_is_late(peer)) && !value_is_true(peer, "closing");
}

char *status_clean(const char *text)
{
	return words_clean(text == NULL ? "" : text, TEXT_LINE);
}

/* ---- the other lines ---- */

void status_print_head(FILE *out, struct json_object *info)
{
	char *name = status_clean(value_text(info, "name")), *network = status_clean(value_text(info, "network"));
	char *nodeid = value_format(info, "nodeid", FORM_NODEID, false);
	char first[VALUE_SHORT_BYTES], secret[VALUE_SHORT_BYTES], up[WORDS_BYTES];
	double uptime_s;
	value_first_of_list(info, "listen", first);
	value_first_of_list(info, "secrets", secret);
	value_number(info, "uptime_s", &uptime_s);
	words_duration(uptime_s, up);
	if (name != NULL && network != NULL && nodeid != NULL) {
		bool has_name = name[0] != '\0' && nodeid[0] != '\0';
		fprintf(out, "%s%s%s%s %s, network \"%s\", %s%s%s%s, up %s\n", name, has_name ? " (" : "", nodeid,
			has_name ? ")" : "", first[0] == '\0' ? "listens nowhere" : first, network,
			value_is_true(info, "private") ? "private" : "open", secret[0] == '\0' ? "" : " (", secret,
			secret[0] == '\0' ? "" : ")", up);
	}
	free(name);
	free(network);
	free(nodeid);
}

static void print_counts(FILE *out, const struct status *status)
{
	size_t ready = 0, late = 0, others = 0, failing = 0;
	char peers[WORDS_BYTES], addresses[WORDS_BYTES];
	for (size_t i = 0; i < status->peers.count; i++) {
		struct json_object *peer = status->peers.list[i];
		if (!status_is_ready(peer))
			others += !value_is_true(peer, "closing");
		else if (status_is_late(peer))
			late++;
		else
			ready++;
	}
	for (size_t i = 0; i < status->addresses.count; i++)
		failing += status_is_failing(status->addresses.list[i]);
	words_count(ready + late, "peer", "peers", peers);
	words_count(failing, "address fails", "addresses fail", addresses);
	fprintf(out, "%s", ready + late == 0 ? "no peers" : peers);
	if (late > 0)
		fprintf(out, ": %zu ready, %zu late", ready, late);
	else if (ready > 1)
		fprintf(out, ", all ready");
	if (others > 0)
		fprintf(out, ", %zu connecting", others);
	fprintf(out, "%s%s\n", failing > 0 ? "; " : "", failing > 0 ? addresses : "");
}

static bool print_rtts(FILE *out, const struct status *status)
{
	double *rtts = calloc(status->peers.count + 1, sizeof *rtts), worst = -1;
	struct json_object *worst_peer = NULL;
	size_t count = 0;
	if (rtts == NULL)
		return false;
	for (size_t i = 0; i < status->peers.count; i++) {
		if (!status_is_ready(status->peers.list[i]) ||
		    !value_number(status->peers.list[i], "rtt_ms", &rtts[count]))
			continue;
		if (rtts[count] > worst) {
			worst = rtts[count];
			worst_peer = status->peers.list[i];
		}
		count++;
	}
	if (count > 0) {
		char median[WORDS_BYTES], most[WORDS_BYTES], *name = status_name_of(worst_peer);
		words_rtt(words_median(rtts, count), median);
		words_rtt(worst, most);
		if (count > 1)
			fprintf(out, "rtt median %s, worst %s (%s); ", median, most, name == NULL ? "" : name);
		else
			fprintf(out, "rtt %s; ", most);
		free(name);
	}
	free(rtts);
	return true;
}

/* "0.2.0" of "kithd/0.2.0"; all of what another program says. */
static const char *version_of(struct json_object *peer)
{
	static const char prefix[] = "kithd/";
	const char *agent = value_text(peer, "agent");
	if (agent == NULL)
		return "unknown";
	return strncmp(agent, prefix, strlen(prefix)) == 0 ? agent + strlen(prefix) : agent;
}

static int compare_versions(const void *one, const void *other)
{
	return -strverscmp(*(const char *const *)one, *(const char *const *)other);
}

/* The newest first. */
static bool print_versions(FILE *out, const struct status *status)
{
	const char **versions = calloc(status->peers.count + 1, sizeof *versions);
	size_t count = 0, shown = 0;
	if (versions == NULL)
		return false;
	for (size_t i = 0; i < status->peers.count; i++)
		if (status_is_ready(status->peers.list[i]))
			versions[count++] = version_of(status->peers.list[i]);
	qsort(versions, count, sizeof *versions, compare_versions);
	for (size_t i = 0; i < count && shown < VERSIONS; shown++) {
		size_t end = i;
		while (end < count && strcmp(versions[i], versions[end]) == 0)
			end++;
		char *version = status_clean(versions[i]);
		fprintf(out, end - i == count ? "%s%s" : "%s%s: %zu",
			shown == 0 ? (end == count ? "version " : "versions ") : ", ", version == NULL ? "" : version,
			end - i);
		free(version);
		i = end;
	}
	free(versions);
	return true;
}

bool status_print(FILE *out, struct status *status)
{
	struct status_problems problems = {0};
	bool is_good = !status->lacks_memory;
	size_t ready = 0;
	status_find_problems(status, &problems);
	if (status->info != NULL)
		status_print_head(out, status->info);
	print_counts(out, status);
	status_problems_print(out, &problems);
	for (size_t i = 0; i < status->peers.count; i++)
		ready += status_is_ready(status->peers.list[i]);
	if (ready > 0) {
		is_good = print_rtts(out, status) && is_good;
		is_good = print_versions(out, status) && is_good;
		fputc('\n', out);
	}
	is_good = is_good && !problems.lacks_memory;
	status_problems_fini(&problems);
	return is_good;
}
