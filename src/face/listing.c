#include "face/listing.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* 64 bytes of a name or agent, each of them escaped to four, and the NUL. */
enum { CELL_BYTES = 64 * 4 + 1 };

/* Of the peers. */
enum column {
	NODEID,
	NAME,
	ADDRESS,
	LISTEN,
	DIR,
	STATE,
	RTT_MS,
	HEARD_S,
	UP_S,
	MSGS_IN,
	MSGS_OUT,
	BYTES_IN,
	BYTES_OUT,
	AGENT,
	LATE_S,
	COLUMNS,
};

static const char *const titles[COLUMNS] = {"NODEID",	"NAME",	    "ADDRESS",	 "LISTEN", "DIR",
					    "STATE",	"RTT_MS",   "HEARD_S",	 "UP_S",   "MSGS_IN",
					    "MSGS_OUT", "BYTES_IN", "BYTES_OUT", "AGENT",  "LATE_S"};

/* Of the addresses. */
enum {
	A_ADDRESS,
	A_NODEID,
	A_KIND,
	A_HEARD_S,
	A_TRIED_S,
	A_FAILURES,
	A_LAST_ERROR,
	A_COLUMNS,
};

static const char *const address_titles[A_COLUMNS] = {"ADDRESS", "NODEID",   "KIND",	  "HEARD_S",
						      "TRIED_S", "FAILURES", "LAST_ERROR"};

/* A row takes 4 kB, so there is one at a time: each is made twice, for the widths of the columns and for the text. */
struct row {
	char cells[COLUMNS][CELL_BYTES];
};

_Static_assert((int)A_COLUMNS <= (int)COLUMNS, "a row of either table fits");

/* By name, then nodeid; among equals by age, the eldest first. */
static int compare(const void *one, const void *other)
{
	const struct peer_info *a = one, *b = other;
	int order = strcmp(a->name, b->name);
	if (order == 0)
		order = nodeid_compare(&a->nodeid, &b->nodeid);
	if (order == 0)
		order = (a->since_us > b->since_us) - (a->since_us < b->since_us);
	return order;
}

static void set(struct row *row, int column, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void set(struct row *row, int column, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(row->cells[column], CELL_BYTES, format, arguments);
	va_end(arguments);
}

/* A text in one word, whatever it holds; "-" for none. */
static void escape(char out[static CELL_BYTES], const char *text)
{
	if (text_escape(out, CELL_BYTES, text, strlen(text), TEXT_WORD) == 0)
		strcpy(out, "-");
}

static void set_seconds_ago(struct row *row, int column, int64_t since_us, int64_t now_us)
{
	set(row, column, "%.1f", now_us > since_us ? (double)(now_us - since_us) / 1e6 : 0.0);
}

static void fill_peer(struct row *row, const void *peers, size_t number, int64_t now_us)
{
	const struct peer_info *info = &((const struct peer_info *)peers)[number];
	static const char *const states[] = {[PEER_DIAL] = "DIAL", [PEER_HELLO] = "HELLO", [PEER_READY] = "READY"};
	for (int column = 0; column < COLUMNS; column++)
		set(row, column, "-");
	if (info->state == PEER_READY)
		nodeid_format(&info->nodeid, row->cells[NODEID]);
	escape(row->cells[NAME], info->name);
	if (info->host[0] != '\0')
		escape(row->cells[ADDRESS], info->host);
	else
		address_format(&info->remote, row->cells[ADDRESS]);
	address_format(&info->listen, row->cells[LISTEN]);
	set(row, DIR, "%s", info->direction == PEER_INBOUND ? "in" : "out");
	set(row, STATE, "%s", info->late_us >= 0 ? "LATE" : states[info->state]);
	if (info->late_us >= 0)
		set(row, LATE_S, "%.1f", (double)info->late_us / 1e6);
	if (info->rtt_us >= 0)
		set(row, RTT_MS, "%.3f", (double)info->rtt_us / 1e3);
	if (info->heard_us > 0)
		set_seconds_ago(row, HEARD_S, info->heard_us, now_us);
	set_seconds_ago(row, UP_S, info->since_us, now_us);
	set(row, MSGS_IN, "%lld", (long long)info->messages_in);
	set(row, MSGS_OUT, "%lld", (long long)info->messages_out);
	set(row, BYTES_IN, "%lld", (long long)info->bytes_in);
	set(row, BYTES_OUT, "%lld", (long long)info->bytes_out);
	escape(row->cells[AGENT], info->agent);
}

static bool append_padded(struct buffer *out, const char *cell, size_t width)
{
	static const char blanks[] = "                                        ";
	size_t used = text_width(cell);
	bool appended = buffer_append(out, cell, strlen(cell));
	while (appended && used < width) {
		size_t step = width - used < sizeof blanks - 1 ? width - used : sizeof blanks - 1;
		appended = buffer_append(out, blanks, step);
		used += step;
	}
	return appended;
}

static bool append_row(struct buffer *out, const char *const *cells, const size_t *widths, int columns)
{
	bool appended = true;
	for (int column = 0; column < columns && appended; column++)
		appended = append_padded(out, cells[column], column == columns - 1 ? 0 : widths[column] + 2);
	return appended && buffer_append(out, "\n", 1);
}

/* Values of either kind in their order, and how one of them is shown. */
struct rows {
	const char *const *titles;
	int columns;
	size_t count;
	void (*fill)(struct row *row, const void *values, size_t number, int64_t now_us);
	const void *values;
	int64_t now_us;
};

static void measure(const struct rows *rows, size_t widths[static COLUMNS])
{
	struct row row;
	for (int column = 0; column < rows->columns; column++)
		widths[column] = text_width(rows->titles[column]);
	for (size_t i = 0; i < rows->count; i++) {
		rows->fill(&row, rows->values, i, rows->now_us);
		for (int column = 0; column < rows->columns; column++) {
			size_t width = text_width(row.cells[column]);
			if (width > widths[column])
				widths[column] = width;
		}
	}
}

/* The line of titles, and the rows below it. */
static bool append_rows(struct buffer *out, const struct rows *rows)
{
	size_t widths[COLUMNS];
	measure(rows, widths);
	bool appended = append_row(out, rows->titles, widths, rows->columns);
	for (size_t i = 0; i < rows->count && appended; i++) {
		struct row row;
		const char *cells[COLUMNS];
		rows->fill(&row, rows->values, i, rows->now_us);
		for (int column = 0; column < rows->columns; column++)
			cells[column] = row.cells[column];
		appended = append_row(out, cells, widths, rows->columns);
	}
	return appended;
}

static bool append_header(struct buffer *out, const struct listing_header *header, const struct peer_info *peers,
			  size_t count)
{
	char nodeid[NODEID_TEXT_BYTES], name[CELL_BYTES], network[CELL_BYTES], line[CELL_BYTES * 2 + 256];
	size_t inbound = 0, outbound = 0, late = 0;
	for (size_t i = 0; i < count; i++) {
		inbound += peers[i].state == PEER_READY && peers[i].direction == PEER_INBOUND;
		outbound += peers[i].state == PEER_READY && peers[i].direction == PEER_OUTBOUND;
		late += peers[i].state == PEER_READY && peers[i].late_us >= 0;
	}
	nodeid_format(&header->nodeid, nodeid);
	escape(name, header->name);
	escape(network, header->network);
	int length = snprintf(line, sizeof line,
			      "# kithd %s node %s name %s network %s uptime_s %.1f peers %zu outbound %zu inbound %zu "
			      "known %zu late %zu\n",
			      KITH_VERSION, nodeid, name, network, (double)header->uptime_us / 1e6, inbound + outbound,
			      outbound, inbound, header->known, late);
	return buffer_append(out, line, (size_t)length);
}

static bool append_peers(struct buffer *out, const struct listing_header *header, struct peer_info *peers, size_t count,
			 int64_t now_us)
{
	size_t shown = 0;
	for (size_t i = 0; i < count; i++)
		if (!peers[i].is_closing)
			peers[shown++] = peers[i];
	if (shown > 0)
		qsort(peers, shown, sizeof *peers, compare);
	struct rows rows = {titles, COLUMNS, shown, fill_peer, peers, now_us};
	return append_header(out, header, peers, shown) && append_rows(out, &rows);
}

static void fill_address(struct row *row, const void *addresses, size_t number, int64_t now_us)
{
	const struct address_info *info = &((const struct address_info *)addresses)[number];
	for (int column = 0; column < A_COLUMNS; column++)
		set(row, column, "-");
	address_format(&info->address, row->cells[A_ADDRESS]);
	if (!nodeid_is_none(&info->nodeid))
		nodeid_format(&info->nodeid, row->cells[A_NODEID]);
	set(row, A_KIND, "%s", info->kind == ADDRESS_TRIED ? "tried" : "new");
	if (info->heard_us != NEVER_US)
		set_seconds_ago(row, A_HEARD_S, info->heard_us, now_us);
	if (info->tried_us != NEVER_US)
		set_seconds_ago(row, A_TRIED_S, info->tried_us, now_us);
	set(row, A_FAILURES, "%u", info->failures);
	if (info->error[0] == '\0')
		return;
	/* The last column: it may have spaces. */
	char error[CELL_BYTES / 2];
	text_escape(error, sizeof error, info->error, strlen(info->error), TEXT_LINE);
	set(row, A_LAST_ERROR, "%s, %.1f s ago", error, (double)(now_us - info->error_us) / 1e6);
}

static bool append_addresses(struct buffer *out, const struct address_info *infos, size_t count, int64_t now_us)
{
	static const char head[] = "# addresses\n";
	struct rows rows = {address_titles, A_COLUMNS, count, fill_address, infos, now_us};
	return buffer_append(out, head, sizeof head - 1) && append_rows(out, &rows);
}

bool listing_render(const struct listing_header *header, struct peer_info *peers, size_t peer_count,
		    const struct address_info *addresses, size_t address_count, int64_t now_us, struct buffer *out)
{
	return append_peers(out, header, peers, peer_count, now_us) &&
	       append_addresses(out, addresses, address_count, now_us) && buffer_append(out, "# end\n", 6);
}
